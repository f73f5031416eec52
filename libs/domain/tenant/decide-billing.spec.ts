import { specificationOf } from '#testing/given-when-then';
import { PEOPLE, tenantClosed, tenantCreated } from '#testing/tenant-facts';
import type { InvoiceDetails, SubscriptionDetails, Terms } from './billing-events';
import {
  advanceStanding,
  agreeTerms,
  type BillingFacts,
  followStripe,
  type InvoiceFacts,
  releaseTerms,
} from './decide-billing';
import { renameTenant } from './decide-tenant';
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
const patient: Terms = { ...pro, graceDays: 3 };

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
const nothing: BillingFacts = {
  at,
  subscription: null,
  ended: [],
  invoices: [],
  disputes: [],
  free,
  reconciling: false,
};
const subscribed = (more: Partial<SubscriptionDetails & { terms: Terms; seats: number | null }> = {}) => ({
  ...{ ...details, terms: pro, seats: null },
  ...more,
});
const invoiced = (more: Partial<InvoiceFacts> = {}): InvoiceFacts => ({
  ...{ ...invoice, status: 'open', attempts: 1, nextAttemptAt: null },
  ...more,
});
const follow = (facts: Partial<BillingFacts>) => (tenant: Tenant) => followStripe({ ...nothing, ...facts }, tenant);
const pass = (time: string) => (tenant: Tenant) => advanceStanding({ at: time }, tenant);

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
const owing = [...onPro, updated(pastDue), failed, locked];

describe('a subscription', () => {
  it('begins with its plan', () =>
    given(...founded)
      .when(follow({ subscription: subscribed() }))
      .thenHappened(started, planned(pro, 'subscribed')));
  it('begins once, however often Stripe reports it', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed() }))
      .thenNothing());
  it('records when it is renewed or will end', () => {
    const next = { ...details, periodEnd: '2026-03-01T00:00:00.000Z', cancelAt: '2026-03-01T00:00:00.000Z' };
    given(...onPro)
      .when(follow({ subscription: subscribed(next) }))
      .thenHappened(updated(next));
  });
  it('brings another plan with it', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed({ terms: patient }) }))
      .thenHappened(planned(patient, 'changed')));
  it('brings the seats that were bought', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed({ seats: 30 }) }))
      .thenHappened({ type: 'SeatsChanged', data: { seats: 30 } }));
  it('falls back to free when it ends', () =>
    given(...onPro)
      .when(follow({ ended: ['sub_1'] }))
      .thenHappened(canceled, planned(free, 'ended')));
  it('ends with its customer', () =>
    given(...onPro)
      .when(follow({ ended: 'all' }))
      .thenHappened(canceled, planned(free, 'ended')));
  it('never becomes active again, even where Stripe says so', () =>
    given(...onPro, canceled, planned(free, 'ended'))
      .when(follow({ subscription: subscribed() }))
      .thenNothing());
  it('is followed by another', () =>
    given(...onPro, canceled, planned(free, 'ended'))
      .when(follow({ subscription: subscribed({ subscriptionId: 'sub_2' }), ended: ['sub_1'] }))
      .thenHappened(
        { type: 'SubscriptionStarted', data: { ...details, subscriptionId: 'sub_2' } },
        planned(pro, 'subscribed'),
      ));
  it('does not end what was agreed with the tenant', () => {
    const agreed = { ...pro, agreed: true };
    given(...founded, planned(agreed, 'agreed'))
      .when(follow({ ended: ['sub_1'] }))
      .thenNothing();
  });
  it('changes nothing of what was agreed with the tenant, until that is released', () => {
    const agreed = { ...pro, agreed: true, limits: { ...limits, seats: 1_000 } };
    given(...onPro, planned(agreed, 'agreed'))
      .when(follow({ subscription: subscribed() }))
      .thenNothing();
    const released = (tenant: Tenant) => releaseTerms({ free }, tenant);
    given(...onPro, planned(agreed, 'agreed'))
      .when(released)
      .thenHappened(planned(free, 'released'));
    given(...onPro, planned(agreed, 'agreed'), planned(free, 'released'))
      .when(follow({ subscription: subscribed() }))
      .thenHappened(planned(pro, 'changed'));
    given(...onPro)
      .when(released)
      .thenNothing();
  });
  it('has no seats any more where the next plan sells none', () =>
    given(...onPro, { type: 'SeatsChanged', data: { seats: 39 } })
      .when(follow({ subscription: subscribed({ seats: null }) }))
      .thenHappened({ type: 'SeatsChanged', data: { seats: null } }));
  it('is nothing to a tenant that is closed', () =>
    given(...founded, tenantClosed)
      .when(follow({ subscription: subscribed() }))
      .thenNothing());
});

describe('a failed payment', () => {
  it('locks at once where there is no grace', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed(pastDue), invoices: [invoiced()] }))
      .thenHappened(updated(pastDue), failed, locked));
  it('is recorded once for each attempt', () => {
    given(...owing)
      .when(follow({ subscription: subscribed(pastDue), invoices: [invoiced()] }))
      .thenNothing();
    given(...owing)
      .when(follow({ subscription: subscribed(pastDue), invoices: [invoiced({ attempts: 3 })] }))
      .thenHappened({ type: 'PaymentFailed', data: { ...invoice, attempt: 3, nextAttemptAt: null } });
  });
  it('waits for the grace of the plan', () => {
    const late = [...founded, started, planned(patient, 'subscribed'), updated(pastDue), failed];
    given(...late)
      .when(pass('2026-01-12T23:59:59.999Z'))
      .thenNothing();
    given(...late)
      .when(pass('2026-01-13T00:00:00.000Z'))
      .thenHappened({
        type: 'WorkspaceLocked',
        data: {
          ...{ reason: 'payment-failed', since: '2026-01-13T00:00:00.000Z', suspendAt: '2026-01-27T00:00:00.000Z' },
        },
      });
  });
  it('suspends when it was locked for long', () => {
    given(...owing)
      .when(pass('2026-01-23T23:59:59.999Z'))
      .thenNothing();
    given(...owing)
      .when(pass(SUSPENDED_AT))
      .thenHappened(suspended);
    given(...owing, suspended)
      .when(pass('2027-01-01T00:00:00.000Z'))
      .thenNothing();
  });
  it.each([
    ['locked', []],
    ['suspended', [suspended]],
  ])('is over by payment where the workspace is %s', (_, more) =>
    given(...owing, ...more)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ status: 'paid' })] }))
      .thenHappened(updated(details), paid, unlocked('paid')),
  );
  it('is over by the end of the subscription', () =>
    given(...owing)
      .when(follow({ ended: ['sub_1'] }))
      .thenHappened(canceled, planned(free, 'ended'), unlocked('ended')));
  it('is forgiven', () =>
    given(...owing)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ status: 'void' })] }))
      .thenHappened(updated(details), { type: 'PaymentForgiven', data: { ...invoice, as: 'void' } }, unlocked('paid')));
  it('is no news after it was paid', () =>
    given(...onPro, failed, paid)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ attempts: 2 })] }))
      .thenNothing());
  it.each([
    ['an invoice that credits paid for', 45_000],
    ['a credit', -45_000],
  ])('of %s is known, with what was charged', (_, amount) => {
    const data = { ...invoice, amount, amountDue: 0, amountPaid: 0 };
    given(...onPro)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ ...data, status: 'paid' })] }))
      .thenHappened({ type: 'PaymentSucceeded', data });
  });
  it('of an invoice of nothing is no payment', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed(), invoices: [invoiced({ status: 'paid', amount: 0 })] }))
      .thenNothing());
  it('locks where the subscription is paused, too', () => {
    const paused = { ...details, status: 'paused', failingSince: FAILED_AT } as const;
    given(...onPro)
      .when(follow({ subscription: subscribed(paused) }))
      .thenHappened(updated(paused), {
        type: 'WorkspaceLocked',
        data: { reason: 'subscription-paused', since: FAILED_AT, suspendAt: SUSPENDED_AT },
      });
  });
});

describe('a payment that is taken back', () => {
  const disputed: TenantEvent = {
    type: 'PaymentDisputed',
    data: { disputeId: 'dp_1', amount: 4_900, currency: 'EUR', reason: 'fraudulent', createdAt: at },
  };
  it('is recorded once and locks no tenant', () => {
    const told = follow({ subscription: subscribed(), disputes: [disputed.data] });
    given(...onPro)
      .when(told)
      .thenHappened(disputed);
    given(...onPro, disputed)
      .when(told)
      .thenNothing();
  });
});

describe('reconciliation', () => {
  it('says what it mended', () =>
    given(...founded)
      .when(follow({ subscription: subscribed(), reconciling: true }))
      .thenHappened(
        { type: 'BillingDriftRepaired', data: { facts: ['SubscriptionStarted', 'PlanChanged'] } },
        started,
        planned(pro, 'subscribed'),
      ));
  it('says nothing where there was nothing to mend', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed(), reconciling: true }))
      .thenNothing());
});

describe('terms that an operator agrees upon', () => {
  const agree = (terms: Terms) => (tenant: Tenant) => agreeTerms({ terms }, tenant);
  it('are the plan from then on', () =>
    given(...founded)
      .when(agree({ ...pro, agreed: true }))
      .thenHappened(planned({ ...pro, agreed: true }, 'agreed')));
  it('are nothing twice', () =>
    given(...founded, planned(pro, 'agreed'))
      .when(agree(pro))
      .thenNothing());
  it('need a tenant', () =>
    given(...founded, tenantClosed)
      .when(agree(pro))
      .thenRefused('not-found'));
});

describe('a locked workspace', () => {
  const rename = (tenant: Tenant) => renameTenant({ by: PEOPLE.owner, name: 'Other' }, tenant);
  it('is not written to', () => {
    given(...owing)
      .when(rename)
      .thenRefused('workspace-locked');
    given(...owing, suspended)
      .when(rename)
      .thenRefused('workspace-locked');
  });
  it('is written to by the next command after it was unlocked', () =>
    given(...owing, unlocked('paid'))
      .when(rename)
      .thenHappened({ type: 'TenantRenamed', data: { name: 'Other', slug: 'acme' } }));
});
