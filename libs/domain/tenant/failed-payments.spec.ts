import { specificationOf } from '#testing/given-when-then';
import { tenantClosed, tenantCreated } from '#testing/tenant-facts';
import type { InvoiceDetails, SubscriptionDetails, Terms } from './billing-events';
import type { BillingFacts, InvoiceFacts, SubscriptionFacts } from './billing-facts';
import { advanceStanding, followStripe } from './decide-billing';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';

const { given } = specificationOf(tenantFold);

const limits = {
  ...{ seats: 3, teams: 3, openInvitations: 10 },
  ...{ projects: 3, tasksPerProject: 100, apiCallsPerMonth: 10_000 },
};
const free: Terms = {
  ...{ plan: 'free', version: 1, limits, features: [], graceDays: 0, suspendAfterDays: 14, agreed: false },
};
const pro: Terms = { ...free, plan: 'pro', limits: { ...limits, projects: 50 } };
const proWithGrace: Terms = { ...pro, graceDays: 3 };

const details: SubscriptionDetails = {
  ...{ subscriptionId: 'sub_1', status: 'active', periodEnd: '2026-02-01T00:00:00.000Z' },
  ...{ trialEnd: null, cancelAt: null, failingSince: null },
};
const invoice: InvoiceDetails = {
  ...{ invoiceId: 'in_1', number: 'A-1', amount: 4_900, amountDue: 4_900, amountPaid: 0, currency: 'EUR' },
  ...{ createdAt: '2026-01-01T00:00:00.000Z', url: null },
};
const FAILED_AT = '2026-01-10T00:00:00.000Z';
const pastDue = { ...details, status: 'past-due', failingSince: FAILED_AT } as const;

const at = '2026-01-10T00:01:00.000Z';
const noFacts: BillingFacts = {
  at,
  subscription: null,
  ended: [],
  invoices: [],
  disputes: [],
  free,
  reconciling: false,
};
const subscribed = (more: Partial<SubscriptionFacts> = {}): SubscriptionFacts => ({
  ...{ ...details, terms: pro, seats: null },
  ...more,
});
const invoiced = (more: Partial<InvoiceFacts> = {}): InvoiceFacts => ({
  ...{ ...invoice, status: 'open', attempts: 1, nextAttemptAt: null },
  ...more,
});
const follow = (facts: Partial<BillingFacts>) => (tenant: Tenant) => followStripe({ ...noFacts, ...facts }, tenant);
const advanceTo = (time: string) => (tenant: Tenant) => advanceStanding({ at: time }, tenant);

const started: TenantEvent = { type: 'SubscriptionStarted', data: details };
const updated = (data: SubscriptionDetails): TenantEvent => ({ type: 'SubscriptionUpdated', data });
const planned = (terms: Terms, reason: 'subscribed' | 'changed' | 'ended' | 'agreed' | 'released'): TenantEvent => ({
  type: 'PlanChanged',
  data: { terms, reason },
});
const canceled: TenantEvent = { type: 'SubscriptionCanceled', data: { subscriptionId: 'sub_1' } };
const failed: TenantEvent = { type: 'PaymentFailed', data: { ...invoice, attempt: 1, nextAttemptAt: null } };
const paid: TenantEvent = { type: 'PaymentSucceeded', data: invoice };
const SUSPENDED_AT = '2026-01-24T00:00:00.000Z';
const locked: TenantEvent = {
  type: 'WorkspaceLocked',
  data: { reason: 'payment-failed', since: FAILED_AT, suspendAt: SUSPENDED_AT },
};
const suspended: TenantEvent = { type: 'WorkspaceSuspended', data: { since: SUSPENDED_AT } };
const unlocked = (reason: 'paid' | 'ended'): TenantEvent => ({ type: 'WorkspaceUnlocked', data: { reason } });

const founded = [tenantCreated];
const onPro = [...founded, started, planned(pro, 'subscribed')];
const lockedForPayment = [...onPro, updated(pastDue), failed, locked];

describe('a failed payment', () => {
  it('locks at once if the plan has no grace period', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed(pastDue), invoices: [invoiced()] }))
      .thenHappened(updated(pastDue), failed, locked));
  it('is recorded once for each attempt', () => {
    given(...lockedForPayment)
      .when(follow({ subscription: subscribed(pastDue), invoices: [invoiced()] }))
      .thenNothing();
    given(...lockedForPayment)
      .when(follow({ subscription: subscribed(pastDue), invoices: [invoiced({ attempts: 3 })] }))
      .thenHappened({ type: 'PaymentFailed', data: { ...invoice, attempt: 3, nextAttemptAt: null } });
  });
  it('never locks a closed tenant', () =>
    given(...onPro, updated(pastDue), failed, tenantClosed)
      .when(advanceTo('2027-01-01T00:00:00.000Z'))
      .thenNothing());
  it('locks at the end of the plan’s grace period', () => {
    const late = [...founded, started, planned(proWithGrace, 'subscribed'), updated(pastDue), failed];
    given(...late)
      .when(advanceTo('2026-01-12T23:59:59.999Z'))
      .thenNothing();
    given(...late)
      .when(advanceTo('2026-01-13T00:00:00.000Z'))
      .thenHappened({
        type: 'WorkspaceLocked',
        data: {
          ...{ reason: 'payment-failed', since: '2026-01-13T00:00:00.000Z', suspendAt: '2026-01-27T00:00:00.000Z' },
        },
      });
  });
  it('suspends a tenant that is locked for the days of its plan', () => {
    given(...lockedForPayment)
      .when(advanceTo('2026-01-23T23:59:59.999Z'))
      .thenNothing();
    given(...lockedForPayment)
      .when(advanceTo(SUSPENDED_AT))
      .thenHappened(suspended);
    given(...lockedForPayment, suspended)
      .when(advanceTo('2027-01-01T00:00:00.000Z'))
      .thenNothing();
  });
  it.each([
    ['locked', []],
    ['suspended', [suspended]],
  ])('unlocks after the payment if the tenant is %s', (_, more) =>
    given(...lockedForPayment, ...more)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ status: 'paid' })] }))
      .thenHappened(updated(details), paid, unlocked('paid')),
  );
  it('unlocks at the end of the subscription', () =>
    given(...lockedForPayment)
      .when(follow({ ended: ['sub_1'] }))
      .thenHappened(canceled, planned(free, 'ended'), unlocked('ended')));
  it('unlocks if the invoice becomes void', () =>
    given(...lockedForPayment)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ status: 'void' })] }))
      .thenHappened(updated(details), { type: 'PaymentForgiven', data: { ...invoice, as: 'void' } }, unlocked('paid')));
  it.each(['open', 'paid', 'void', 'uncollectible'] as const)(
    'changes nothing after the invoice was paid, even if Stripe reports it as %s',
    (status) =>
      given(...onPro, failed, paid)
        .when(follow({ subscription: subscribed(), invoices: [invoiced({ status, attempts: 2 })] }))
        .thenNothing(),
  );
  it.each(['void', 'uncollectible'] as const)('is not forgiven if the invoice becomes %s before it failed', (status) =>
    given(...onPro)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ status })] }))
      .thenNothing(),
  );
  it.each([
    ['an invoice that credits paid for', 45_000],
    ['a credit', -45_000],
  ])('of %s is recorded as paid, with the amount that was charged', (_, amount) => {
    const data = { ...invoice, amount, amountDue: 0, amountPaid: 0 };
    given(...onPro)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ ...data, status: 'paid' })] }))
      .thenHappened({ type: 'PaymentSucceeded', data });
  });
  it('of an invoice with the total 0 is not recorded', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ status: 'paid', amount: 0 })] }))
      .thenNothing());
  it('locks also if the subscription is paused', () => {
    const paused = { ...details, status: 'paused', failingSince: FAILED_AT } as const;
    given(...onPro)
      .when(follow({ subscription: subscribed(paused) }))
      .thenHappened(updated(paused), {
        type: 'WorkspaceLocked',
        data: { reason: 'subscription-paused', since: FAILED_AT, suspendAt: SUSPENDED_AT },
      });
  });
});

describe('a disputed payment', () => {
  const disputed: TenantEvent = {
    type: 'PaymentDisputed',
    data: { disputeId: 'dp_1', amount: 4_900, currency: 'EUR', reason: 'fraudulent', createdAt: at },
  };
  it('is recorded once and locks no tenant', () => {
    const followDispute = follow({ subscription: subscribed(), disputes: [disputed.data] });
    given(...onPro)
      .when(followDispute)
      .thenHappened(disputed);
    given(...onPro, disputed)
      .when(followDispute)
      .thenNothing();
  });
});
