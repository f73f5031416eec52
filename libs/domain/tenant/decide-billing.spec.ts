import { specificationOf } from '#testing/given-when-then';
import { tenantClosed, tenantCreated, USERS } from '#testing/tenant-facts';
import type { InvoiceDetails, SubscriptionDetails, Terms } from './billing-events';
import type { BillingFacts, SubscriptionFacts } from './billing-facts';
import { agreeTerms, followStripe, releaseTerms } from './decide-billing';
import { renameTenant } from './decide-tenant';
import type { TenantEvent } from './events';
import { type OpenTenant, type Tenant, tenantFold } from './evolve';

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
const follow = (facts: Partial<BillingFacts>) => (tenant: Tenant) => followStripe({ ...noFacts, ...facts }, tenant);

const started: TenantEvent = { type: 'SubscriptionStarted', data: details };
const updated = (data: SubscriptionDetails): TenantEvent => ({ type: 'SubscriptionUpdated', data });
const planned = (terms: Terms, reason: 'subscribed' | 'changed' | 'ended' | 'agreed' | 'released'): TenantEvent => ({
  type: 'PlanChanged',
  data: { terms, reason },
});
const canceled: TenantEvent = { type: 'SubscriptionCanceled', data: { subscriptionId: 'sub_1' } };
const failed: TenantEvent = { type: 'PaymentFailed', data: { ...invoice, attempt: 1, nextAttemptAt: null } };
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

describe('a subscription', () => {
  it('begins with its plan', () =>
    given(...founded)
      .when(follow({ subscription: subscribed() }))
      .thenHappened(started, planned(pro, 'subscribed')));
  it('begins once, even if Stripe reports it several times', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed() }))
      .thenNothing());
  it('records a renewal and a coming end', () => {
    const next = { ...details, periodEnd: '2026-03-01T00:00:00.000Z', cancelAt: '2026-03-01T00:00:00.000Z' };
    given(...onPro)
      .when(follow({ subscription: subscribed(next) }))
      .thenHappened(updated(next));
  });
  it('changes the plan of the tenant', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed({ terms: proWithGrace }) }))
      .thenHappened(planned(proWithGrace, 'changed')));
  it('records the seats that were bought', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed({ seats: 30 }) }))
      .thenHappened({ type: 'SeatsChanged', data: { seats: 30 } }));
  it('changes nothing for a tenant that never had one, also if its customer is deleted', () => {
    given(...founded)
      .when(follow({}))
      .thenNothing();
    given(...founded)
      .when(follow({ ended: 'all' }))
      .thenNothing();
  });
  it('locks no tenant in its trial, even if the period is over and Stripe has not renewed it', () => {
    const trialing = { ...details, status: 'trialing', periodEnd: '2026-01-01T00:00:00.000Z' } as const;
    given(...onPro)
      .when(follow({ subscription: subscribed(trialing) }))
      .thenHappened(updated(trialing));
  });
  it('returns the tenant to the free plan when it ends', () =>
    given(...onPro)
      .when(follow({ ended: ['sub_1'] }))
      .thenHappened(canceled, planned(free, 'ended')));
  it('ends when its customer is deleted', () =>
    given(...onPro)
      .when(follow({ ended: 'all' }))
      .thenHappened(canceled, planned(free, 'ended')));
  it('never becomes active again, even if Stripe reports it as active', () =>
    given(...onPro, canceled, planned(free, 'ended'))
      .when(follow({ subscription: subscribed() }))
      .thenNothing());
  it('can be followed by another subscription', () =>
    given(...onPro, canceled, planned(free, 'ended'))
      .when(follow({ subscription: subscribed({ subscriptionId: 'sub_2' }), ended: ['sub_1'] }))
      .thenHappened(
        { type: 'SubscriptionStarted', data: { ...details, subscriptionId: 'sub_2' } },
        planned(pro, 'subscribed'),
      ));
  it('does not end the terms that were agreed with the tenant', () => {
    const agreed = { ...pro, agreed: true };
    given(...founded, planned(agreed, 'agreed'))
      .when(follow({ ended: ['sub_1'] }))
      .thenNothing();
  });
  it('does not change agreed terms until they are released', () => {
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
    given(...founded)
      .when(released)
      .thenNothing();
    given(...founded, tenantClosed)
      .when(released)
      .thenRefused('not-found', 'There is no such tenant.');
  });
  it('is not followed if the account changed while the server waited for Stripe', () => {
    const followSince = (...seen: readonly TenantEvent[]) => {
      const { account } = seen.reduce(
        (tenant, event, version) => tenantFold.evolve(tenant, event, version + 1),
        tenantFold.initial,
      ) as OpenTenant;
      return (tenant: Tenant) => followStripe({ ...noFacts, subscription: subscribed() }, tenant, account);
    };
    given(...founded)
      .when(followSince(...founded))
      .thenHappened(started, planned(pro, 'subscribed'));
    expect(() =>
      given(...onPro)
        .when(followSince(...founded))
        .thenNothing(),
    ).toThrow(
      expect.objectContaining({
        name: 'AccountChanged',
        message: 'The subscription changed while the server waited for Stripe. Try again.',
      }),
    );
  });
  it('has no seats any more if the new plan does not sell them', () =>
    given(...onPro, { type: 'SeatsChanged', data: { seats: 39 } })
      .when(follow({ subscription: subscribed({ seats: null }) }))
      .thenHappened({ type: 'SeatsChanged', data: { seats: null } }));
  it('does not change a closed tenant', () =>
    given(...founded, tenantClosed)
      .when(follow({ subscription: subscribed() }))
      .thenNothing());
});

describe('reconciliation', () => {
  it('records the changes that no webhook reported', () =>
    given(...founded)
      .when(follow({ subscription: subscribed(), reconciling: true }))
      .thenHappened(
        { type: 'BillingDriftRepaired', data: { facts: ['SubscriptionStarted', 'PlanChanged'] } },
        started,
        planned(pro, 'subscribed'),
      ));
  it('adds no event if nothing has changed', () =>
    given(...onPro)
      .when(follow({ subscription: subscribed(), reconciling: true }))
      .thenNothing());
});

describe('terms that an operator agrees with a tenant', () => {
  const agree = (terms: Terms) => (tenant: Tenant) => agreeTerms({ terms }, tenant);
  it('become the terms of the tenant', () =>
    given(...founded)
      .when(agree({ ...pro, agreed: true }))
      .thenHappened(planned({ ...pro, agreed: true }, 'agreed')));
  it('add no event a second time', () =>
    given(...founded, planned(pro, 'agreed'))
      .when(agree(pro))
      .thenNothing());
  it('are refused for a closed tenant', () =>
    given(...founded, tenantClosed)
      .when(agree(pro))
      .thenRefused('not-found', 'There is no such tenant.'));
});

describe('a locked tenant', () => {
  const rename = (tenant: Tenant) => renameTenant({ by: USERS.owner, name: 'Other' }, tenant);
  it('refuses a write', () => {
    given(...lockedForPayment)
      .when(rename)
      .thenRefused('workspace-locked');
    given(...lockedForPayment, suspended)
      .when(rename)
      .thenRefused('workspace-locked');
  });
  it('accepts the next write after it was unlocked', () =>
    given(...lockedForPayment, unlocked('paid'))
      .when(rename)
      .thenHappened({ type: 'TenantRenamed', data: { name: 'Other', slug: 'acme' } }));
});
