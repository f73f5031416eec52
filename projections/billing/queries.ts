import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Statement, TenantDb } from '#platform/database/scoped/scoped-db';

export interface BillingRow {
  readonly plan: string;
  readonly planVersion: number;
  readonly seats: number | null;
  readonly subscriptionId: string | null;
  readonly status: string | null;
  readonly periodEnd: Date | null;
  readonly trialEnd: Date | null;
  readonly cancelAt: Date | null;
  readonly failingSince: Date | null;
  readonly lock: string;
  readonly lockReason: string | null;
  readonly lockedSince: Date | null;
  readonly suspendAt: Date | null;
}

const BILLING: Statement = {
  name: 'billing',
  text: `select plan, plan_version as "planVersion", seats, subscription_id as "subscriptionId", status,
      period_end as "periodEnd", trial_end as "trialEnd", cancel_at as "cancelAt", failing_since as "failingSince",
      lock, lock_reason as "lockReason", locked_since as "lockedSince", suspend_at as "suspendAt"
    from read_model.billing where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)`,
};

/** The billing state of the tenant; undefined if the read model does not have it. */
export const findBilling = async (db: TenantDb): Promise<BillingRow | undefined> => {
  const [row] = await db.query<BillingRow>(BILLING, []);
  return row;
};

export interface InvoiceRow {
  readonly id: string;
  readonly number: string | null;
  readonly status: string;
  /** In the smallest unit of the currency, such as cents; as text, because it is a bigint. */
  readonly amount: string;
  readonly amountDue: string;
  readonly amountPaid: string;
  readonly currency: string;
  readonly createdAt: Date;
  readonly url: string | null;
  readonly nextAttemptAt: Date | null;
}

const INVOICES: Statement = {
  name: 'invoices',
  text: `select invoice_id as id, number, status, amount, amount_due as "amountDue", amount_paid as "amountPaid",
      currency, created_at as "createdAt", url,
      next_attempt_at as "nextAttemptAt"
    from read_model.invoices where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
      and (created_at, invoice_id) < ($1, $2)
    order by created_at desc, invoice_id desc limit $3`,
};

/**
 * The invoices of the tenant, the newest first.
 * @param before the last invoice of the previous page
 * @param limit the most rows that are returned
 */
export const listInvoices = (
  db: TenantDb,
  before: { readonly createdAt: string; readonly id: string } | undefined,
  limit: number,
): Promise<InvoiceRow[]> => db.query<InvoiceRow>(INVOICES, [before?.createdAt ?? 'infinity', before?.id ?? '', limit]);

export interface HistoryRow {
  /** Position in the log; as text, because it is a bigint. */
  readonly position: string;
  readonly type: string;
  readonly recordedAt: Date;
  readonly actor: string;
  readonly correlationId: string;
  readonly data: Record<string, unknown>;
}

const HISTORY: Statement = {
  name: 'billing-history',
  text: `select position::text, type, recorded_at as "recordedAt", actor, correlation_id as "correlationId", data
    from read_model.billing_history where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    order by billing_history.position desc limit $1`,
};

/** The last billing events of the tenant, the newest first. @param limit the most rows that are returned */
export const listHistory = (db: TenantDb, limit: number): Promise<HistoryRow[]> =>
  db.query<HistoryRow>(HISTORY, [limit]);

export interface Cause {
  readonly eventId: string;
  readonly type: string;
  readonly createdAt: Date;
  readonly receivedAt: Date;
}

const CAUSES: Statement = {
  name: 'billing-causes',
  text: `select event_id as "eventId", type, created_at as "createdAt", received_at as "receivedAt"
    from billing.causes($1)`,
};

/** Those Stripe events with these ids that belong to the tenant. */
export const findCauses = (db: TenantDb, eventIds: readonly string[]): Promise<Cause[]> =>
  db.query<Cause>(CAUSES, [eventIds]);

/**
 * The ids of tenants that are to be locked, because their grace period has ended, or suspended, because they were
 * locked long enough.
 * @param pool connects as the projector
 * @param limit the most ids that are returned
 */
export const tenantsToAdvance = (pool: Pool, at: Date, limit: number): Promise<string[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ id: string }>({
      name: 'tenants-to-advance',
      text: `select tenant_id as id from read_model.billing where failing_since is not null
        and ((lock = 'none' and failing_since + make_interval(days => grace_days) <= $1)
          or (lock = 'locked' and suspend_at <= $1)) order by failing_since limit $2`,
      values: [at, limit],
    });
    return rows.map(({ id }) => id);
  });
