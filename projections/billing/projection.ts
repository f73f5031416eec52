import { join } from 'node:path';
import type { DomainEvent } from '#domain/events';
import type { InvoiceDetails, SubscriptionDetails } from '#domain/tenant/billing-events';
import type { Recorded } from '#projecting/projection';
import type { RowWriter } from '#projecting/rows/tables';
import { defineProjection } from '../define-projection';

const tables = {
  billing: {
    key: ['tenant_id'],
    columns: {
      tenant_id: 'uuid',
      plan: 'text',
      plan_version: 'integer',
      grace_days: 'integer',
      seats: 'integer',
      subscription_id: 'text',
      status: 'text',
      period_end: 'timestamptz',
      trial_end: 'timestamptz',
      cancel_at: 'timestamptz',
      failing_since: 'timestamptz',
      lock: 'text',
      lock_reason: 'text',
      locked_since: 'timestamptz',
      suspend_at: 'timestamptz',
    },
  },
  invoices: {
    key: ['tenant_id', 'invoice_id'],
    columns: {
      tenant_id: 'uuid',
      invoice_id: 'text',
      number: 'text',
      status: 'text',
      amount: 'bigint',
      amount_due: 'bigint',
      amount_paid: 'bigint',
      currency: 'text',
      created_at: 'timestamptz',
      url: 'text',
      attempts: 'integer',
      next_attempt_at: 'timestamptz',
    },
  },
  billing_history: {
    key: ['tenant_id', 'position'],
    columns: {
      tenant_id: 'uuid',
      position: 'bigint',
      type: 'text',
      recorded_at: 'timestamptz',
      actor: 'text',
      correlation_id: 'text',
      data: 'jsonb',
    },
  },
} as const;

const NO_SUBSCRIPTION = {
  ...{ subscription_id: null, status: null, period_end: null, trial_end: null, cancel_at: null },
  ...{ failing_since: null, seats: null },
};
const UNLOCKED = { lock: 'none', lock_reason: null, locked_since: null, suspend_at: null };

const subscriptionRow = (data: SubscriptionDetails) => ({
  subscription_id: data.subscriptionId,
  status: data.status,
  period_end: data.periodEnd,
  trial_end: data.trialEnd,
  cancel_at: data.cancelAt,
  failing_since: data.failingSince,
});

const invoiceRow = (
  tenantId: string | null,
  data: InvoiceDetails,
  status: string,
  attempts: number,
  next: string | null,
) => ({
  ...{ tenant_id: tenantId, invoice_id: data.invoiceId, number: data.number, status, amount: data.amount },
  ...{ amount_due: data.amountDue, amount_paid: data.amountPaid },
  ...{ currency: data.currency, created_at: data.createdAt, url: data.url, attempts, next_attempt_at: next },
});

type Rows = { readonly [table in keyof typeof tables]: RowWriter };

/** Adds an event to the billing history, which explains how the present plan and lock were decided. */
const addToHistory = (event: Recorded<DomainEvent>, rows: Rows): void => {
  const { stream, position, type, recordedAt, actor, correlationId, data } = event;
  rows.billing_history.put({
    ...{ tenant_id: stream.tenantId, position, type, recorded_at: recordedAt.toISOString(), actor: actor.kind },
    ...{ correlation_id: correlationId, data: JSON.stringify(data) },
  });
};

/** The subscription, payments and lock of a tenant, its invoices, and its billing history. */
export const billingProjection = defineProjection({
  name: 'billing',
  version: 2,
  schema: join(__dirname, 'schema.sql'),
  tables,
  leavesAlone: [
    'tenant.members',
    'tenant.invitations',
    'tenant.teams',
    'project',
    'task',
    'user',
    'session',
    'operators',
    'refusals',
    'TenantRenamed',
  ],
  on: {
    TenantCreated: ({ stream, data }, rows) => {
      rows.billing.put({
        ...{ tenant_id: stream.tenantId, plan: data.plan, plan_version: 1, grace_days: 0 },
        ...NO_SUBSCRIPTION,
        ...UNLOCKED,
      });
    },
    PlanChanged: (event, rows) => {
      const { plan, version, graceDays } = event.data.terms;
      const bought = { plan, plan_version: version, grace_days: graceDays };
      rows.billing.patch({ tenant_id: event.stream.tenantId }, bought);
      addToHistory(event, rows);
    },
    SubscriptionStarted: (event, rows) => {
      rows.billing.patch({ tenant_id: event.stream.tenantId }, subscriptionRow(event.data));
      addToHistory(event, rows);
    },
    SubscriptionUpdated: (event, rows) => {
      rows.billing.patch({ tenant_id: event.stream.tenantId }, subscriptionRow(event.data));
      addToHistory(event, rows);
    },
    SubscriptionCanceled: (event, rows) => {
      rows.billing.patch({ tenant_id: event.stream.tenantId }, NO_SUBSCRIPTION);
      addToHistory(event, rows);
    },
    SeatsChanged: (event, rows) => {
      rows.billing.patch({ tenant_id: event.stream.tenantId }, { seats: event.data.seats });
      addToHistory(event, rows);
    },
    PaymentFailed: (event, rows) => {
      const { attempt, nextAttemptAt, ...invoice } = event.data;
      rows.invoices.put(invoiceRow(event.stream.tenantId, invoice, 'open', attempt, nextAttemptAt));
      addToHistory(event, rows);
    },
    PaymentSucceeded: (event, rows) => {
      rows.invoices.put(invoiceRow(event.stream.tenantId, event.data, 'paid', 0, null));
      addToHistory(event, rows);
    },
    PaymentForgiven: (event, rows) => {
      const { as, ...invoice } = event.data;
      rows.invoices.put(invoiceRow(event.stream.tenantId, invoice, as, 0, null));
      addToHistory(event, rows);
    },
    PaymentDisputed: (event, rows) => {
      addToHistory(event, rows);
    },
    WorkspaceLocked: (event, rows) => {
      const { reason, since, suspendAt } = event.data;
      const lock = { lock: 'locked', lock_reason: reason, locked_since: since, suspend_at: suspendAt };
      rows.billing.patch({ tenant_id: event.stream.tenantId }, lock);
      addToHistory(event, rows);
    },
    WorkspaceSuspended: (event, rows) => {
      rows.billing.patch({ tenant_id: event.stream.tenantId }, { lock: 'suspended' });
      addToHistory(event, rows);
    },
    WorkspaceUnlocked: (event, rows) => {
      rows.billing.patch({ tenant_id: event.stream.tenantId }, UNLOCKED);
      addToHistory(event, rows);
    },
    BillingDriftRepaired: (event, rows) => {
      addToHistory(event, rows);
    },
    // Without `failing_since`, the tenant is no longer locked or suspended by time.
    TenantClosed: ({ stream }, rows) => {
      rows.billing.patch({ tenant_id: stream.tenantId }, { failing_since: null });
    },
  },
});
