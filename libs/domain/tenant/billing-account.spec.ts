import { UnknownEvent } from '../unknown-event';
import { type BillingAccount, evolveBillingAccount, newBillingAccount, type PaymentState } from './billing-account';
import type { BillingEvent, InvoiceDetails, SubscriptionDetails, SubscriptionStatus, Terms } from './billing-events';
import { get } from './persistent-map';
import { isRole } from './roles';

const accountAfter = (events: readonly BillingEvent[], account: BillingAccount = newBillingAccount): BillingAccount =>
  events.reduce(evolveBillingAccount, account);

const NO_LIMIT = { seats: null, teams: null, openInvitations: null, projects: null } as const;
const termsOf = (limits: Partial<Terms['limits']> = {}, agreed = false): Terms => ({
  ...{ plan: 'pro', version: 1, features: [], graceDays: 7, suspendAfterDays: 30, agreed },
  limits: { ...NO_LIMIT, tasksPerProject: null, apiCallsPerMonth: null, ...limits },
});
const planChanged = (terms: Terms): BillingEvent => ({ type: 'PlanChanged', data: { terms } }) as BillingEvent;

const details = (status: SubscriptionStatus, subscriptionId = 'sub_1'): SubscriptionDetails => ({
  ...{ subscriptionId, status, periodEnd: '2026-02-01T00:00:00Z', trialEnd: null, cancelAt: null, failingSince: null },
});
const updated = (status: SubscriptionStatus, id?: string): BillingEvent =>
  ({ type: 'SubscriptionUpdated', data: details(status, id) }) as BillingEvent;
const canceled = (subscriptionId: string): BillingEvent =>
  ({ type: 'SubscriptionCanceled', data: { subscriptionId } }) as BillingEvent;

const invoice: InvoiceDetails = {
  ...{ invoiceId: 'in_1', number: null, amount: 4_900, amountDue: 4_900, amountPaid: 0, currency: 'EUR' },
  ...{ createdAt: '2026-01-01T00:00:00Z', url: null },
};
const failed = (attempt = 1) => ({ type: 'PaymentFailed', data: { ...invoice, attempt } }) as BillingEvent;
const locked: BillingEvent = {
  type: 'WorkspaceLocked',
  data: { reason: 'payment-failed', suspendAt: '2026-03-01T00:00:00Z' },
} as BillingEvent;
const suspended = { type: 'WorkspaceSuspended', data: {} } as unknown as BillingEvent;
const unlocked = { type: 'WorkspaceUnlocked', data: {} } as unknown as BillingEvent;

const LOCKED: PaymentState = { kind: 'locked', reason: 'payment-failed', suspendAt: '2026-03-01T00:00:00Z' };

describe('a new billing account', () => {
  it('is active, has the terms of every new tenant, and was never made smaller', () => {
    expect(newBillingAccount).toMatchObject({ terms: null, shrunk: false, seats: null, standing: { kind: 'active' } });
  });
});

describe('a change of the plan', () => {
  const isShrunkAfter = (...many: Terms[]): boolean => accountAfter(many.map(planChanged)).shrunk;

  it('shrinks the account if a limit becomes lower, and the account stays shrunk', () => {
    expect(isShrunkAfter(termsOf({ seats: 5 }))).toBe(false);
    expect(isShrunkAfter(termsOf({ seats: 5 }), termsOf({ seats: 5 }))).toBe(false);
    expect(isShrunkAfter(termsOf({ seats: 5 }), termsOf({ seats: 6 }))).toBe(false);
    expect(isShrunkAfter(termsOf({ seats: 5 }), termsOf({ seats: 4 }))).toBe(true);
    expect(isShrunkAfter(termsOf({ seats: 5 }), termsOf({ seats: 4 }), termsOf({ seats: 9 }))).toBe(true);
    expect(isShrunkAfter(termsOf({ seats: 5, teams: 1 }), termsOf({ seats: 4, teams: 2 }))).toBe(true);
  });

  it('counts no limit as the highest one', () => {
    expect(isShrunkAfter(termsOf(), termsOf({ seats: 1_000_000 }))).toBe(true);
    expect(isShrunkAfter(termsOf({ seats: 5 }), termsOf())).toBe(false);
  });

  it('to agreed terms may be one to lower limits', () => {
    expect(isShrunkAfter(termsOf({}, true))).toBe(true);
  });
});

describe('the payment state', () => {
  const stateAfter = (...events: BillingEvent[]): PaymentState => accountAfter(events).standing;

  it('is past due after a failed payment, and keeps a lock', () => {
    expect(stateAfter(failed())).toEqual({ kind: 'past-due' });
    expect(stateAfter(locked, failed())).toEqual(LOCKED);
  });

  it.each(['active', 'trialing'] as const)('is no longer past due when the subscription is %s', (status) => {
    expect(stateAfter(failed(), updated(status))).toEqual({ kind: 'active' });
    expect(stateAfter(locked, updated(status))).toEqual(LOCKED);
  });

  it.each(['past-due', 'unpaid', 'paused'] as const)('stays past due when the subscription is %s', (status) => {
    expect(stateAfter(failed(), updated(status))).toEqual({ kind: 'past-due' });
  });

  it('is no longer past due when the current subscription ends, and stays so when another one ends', () => {
    expect(stateAfter(updated('past-due'), failed(), canceled('sub_1'))).toEqual({ kind: 'active' });
    expect(stateAfter(updated('past-due'), failed(), canceled('sub_2'))).toEqual({ kind: 'past-due' });
    expect(stateAfter(failed(), canceled('sub_1'))).toEqual({ kind: 'past-due' });
  });

  it('is suspended only after it was locked, and active after it was unlocked', () => {
    expect(stateAfter(locked, suspended)).toEqual({ ...LOCKED, kind: 'suspended' });
    expect(stateAfter(suspended)).toEqual({ kind: 'active' });
    expect(stateAfter(failed(), suspended)).toEqual({ kind: 'past-due' });
    expect(stateAfter(locked, suspended, unlocked)).toEqual({ kind: 'active' });
  });
});

describe('the billing account', () => {
  it('forgets the subscription and its seats when it ends, and remembers that it has ended', () => {
    const seats = { type: 'SeatsChanged', data: { seats: 7 } } as BillingEvent;
    const account = accountAfter([updated('active'), seats]);
    expect(account).toMatchObject({ subscription: { subscriptionId: 'sub_1' }, seats: 7 });
    const ended = accountAfter([canceled('sub_1')], account);
    expect(ended).toMatchObject({ subscription: null, seats: null });
    expect(get(ended.ended, 'sub_1')).toBe(true);
    const other = accountAfter([canceled('sub_2')], account);
    expect(other).toMatchObject({ subscription: { subscriptionId: 'sub_1' }, seats: 7 });
    expect(get(other.ended, 'sub_2')).toBe(true);
  });

  it('has each invoice with its last failed attempt, as paid, or not at all if it was forgiven', () => {
    const invoiceAfter = (...events: BillingEvent[]) => get(accountAfter(events).invoices, 'in_1');
    const paid = { type: 'PaymentSucceeded', data: invoice } as BillingEvent;
    const forgiven = { type: 'PaymentForgiven', data: invoice } as BillingEvent;
    expect(invoiceAfter(failed(2))).toEqual({ status: 'failed', attempts: 2 });
    expect(invoiceAfter(failed(2), paid)).toEqual({ status: 'paid', attempts: 0 });
    expect(invoiceAfter(failed(2), forgiven)).toBeUndefined();
  });

  it('is not changed by a repaired difference, and refuses an event of a newer release', () => {
    const repaired = { type: 'BillingDriftRepaired', data: {} } as unknown as BillingEvent;
    expect(accountAfter([repaired])).toBe(newBillingAccount);
    const unknown = { type: 'SomethingNew', data: {} } as unknown as BillingEvent;
    expect(() => accountAfter([unknown])).toThrow(UnknownEvent);
    expect(() => accountAfter([unknown])).toThrow(expect.objectContaining({ name: 'UnknownEvent' }));
  });
});

describe('a role', () => {
  it('is one of four words', () => {
    expect(['owner', 'admin', 'member', 'auditor', 'guest', 7].map(isRole)).toEqual([
      ...[true, true, true, true],
      ...[false, false],
    ]);
  });
});
