import { isSameData } from '../same-data';
import { type BillingAccount, evolveBillingAccount } from './billing-account';
import type { BillingEvent, LockReason } from './billing-events';
import type { BillingFacts, InvoiceFacts } from './billing-facts';
import { get } from './persistent-map';

const DAY_MS = 86_400_000;

/** Collects events. Its `account` is the state after all events that it holds. */
const createEventCollector = (before: BillingAccount) => {
  const events: BillingEvent[] = [];
  let account = before;
  return {
    events,
    get account(): BillingAccount {
      return account;
    },
    add: (event: BillingEvent): void => {
      account = evolveBillingAccount(account, event);
      events.push(event);
    },
  };
};

type EventCollector = ReturnType<typeof createEventCollector>;

const addCancellation = (collector: EventCollector, { ended }: BillingFacts): void => {
  const subscriptionId = collector.account.subscription?.subscriptionId;
  if (subscriptionId !== undefined && (ended === 'all' || ended.includes(subscriptionId)))
    collector.add({ type: 'SubscriptionCanceled', data: { subscriptionId } });
};

/** A subscription that has ended stays ended, even if later facts report it as active. */
const addSubscription = (collector: EventCollector, facts: BillingFacts): void => {
  if (!facts.subscription || get(collector.account.ended, facts.subscription.subscriptionId)) return;
  const { terms, seats, ...details } = facts.subscription;
  const known = collector.account.subscription;
  if (known?.subscriptionId !== details.subscriptionId) collector.add({ type: 'SubscriptionStarted', data: details });
  else if (!isSameData(known, details)) collector.add({ type: 'SubscriptionUpdated', data: details });
  // Terms that an operator has agreed with the tenant stay until an operator releases them, whatever was bought.
  if (!collector.account.terms?.agreed && !isSameData(collector.account.terms ?? {}, terms))
    collector.add({ type: 'PlanChanged', data: { terms, reason: known ? 'changed' : 'subscribed' } });
  if (seats !== collector.account.seats) collector.add({ type: 'SeatsChanged', data: { seats } });
};

/** A tenant without a subscription returns to the free plan. */
const addFreePlan = (collector: EventCollector, { free }: BillingFacts): void => {
  const { subscription, terms } = collector.account;
  if (subscription || terms === null || terms.agreed || terms.plan === free.plan) return;
  collector.add({ type: 'PlanChanged', data: { terms: free, reason: 'ended' } });
};

/** An invoice that was paid stays paid. A failed payment is recorded once for each attempt. */
const addPayment = (collector: EventCollector, { status, attempts, nextAttemptAt, ...invoice }: InvoiceFacts): void => {
  const known = get(collector.account.invoices, invoice.invoiceId);
  if (status === 'paid') {
    if (known?.status !== 'paid' && invoice.amount !== 0) collector.add({ type: 'PaymentSucceeded', data: invoice });
    return;
  }
  if (status === 'open') {
    if (known?.status !== 'paid' && attempts > (known?.attempts ?? 0))
      collector.add({ type: 'PaymentFailed', data: { ...invoice, attempt: attempts, nextAttemptAt } });
    return;
  }
  if (known?.status === 'failed') collector.add({ type: 'PaymentForgiven', data: { ...invoice, as: status } });
};

const addDisputes = (collector: EventCollector, { disputes }: BillingFacts): void => {
  for (const data of disputes)
    if (!get(collector.account.disputes, data.disputeId)) collector.add({ type: 'PaymentDisputed', data });
};

const daysAfter = (time: string, days: number): string => new Date(Date.parse(time) + days * DAY_MS).toISOString();

interface Lock {
  readonly reason: LockReason;
  /** RFC 3339: the time from which the tenant must be locked. */
  readonly since: string;
  /** RFC 3339: the time from which it must be suspended. */
  readonly suspendAt: string;
}

/** The lock that the account needs; undefined: the subscription is paid, or there is none. */
const lockOf = ({ subscription, terms }: BillingAccount): Lock | undefined => {
  if (!subscription || !terms) return undefined;
  const { status, failingSince, periodEnd } = subscription;
  if (status === 'active' || status === 'trialing') return undefined;
  const isPaused = status === 'paused';
  const since = daysAfter(failingSince ?? periodEnd, isPaused ? 0 : terms.graceDays);
  const suspendAt = daysAfter(since, terms.suspendAfterDays);
  return { reason: isPaused ? 'subscription-paused' : 'payment-failed', since, suspendAt };
};

/** Locks, suspends or unlocks the tenant according to its subscription at a time. */
const addStanding = (collector: EventCollector, at: string): void => {
  const lock = lockOf(collector.account);
  const { standing, subscription } = collector.account;
  if (!lock || lock.since > at) {
    // A grace period that begins while the tenant is locked, because of another invoice, does not unlock it.
    const isLocked = standing.kind === 'locked' || standing.kind === 'suspended';
    if (!lock && isLocked)
      collector.add({ type: 'WorkspaceUnlocked', data: { reason: subscription ? 'paid' : 'ended' } });
    return;
  }
  if (standing.kind === 'active' || standing.kind === 'past-due')
    collector.add({ type: 'WorkspaceLocked', data: lock });
  addSuspension(collector, at);
};

/** Suspends a tenant that has been locked for the plan's `suspendAfterDays`. */
const addSuspension = (collector: EventCollector, at: string): void => {
  const { standing } = collector.account;
  if (standing.kind === 'locked' && standing.suspendAt <= at)
    collector.add({ type: 'WorkspaceSuspended', data: { since: standing.suspendAt } });
};

/**
 * The events that bring an account to the state that Stripe reports; none if it is in that state already. A failed payment
 * becomes `PaymentFailed`, and also `WorkspaceLocked` if the plan has no grace period.
 */
export const changesTo = (account: BillingAccount, facts: BillingFacts): BillingEvent[] => {
  const collector = createEventCollector(account);
  addCancellation(collector, facts);
  addSubscription(collector, facts);
  addFreePlan(collector, facts);
  for (const invoice of facts.invoices) addPayment(collector, invoice);
  addDisputes(collector, facts);
  addStanding(collector, facts.at);
  return collector.events;
};

/**
 * The events that lock, suspend or unlock an account because time has passed.
 * @param at RFC 3339: the present time
 */
export const standingChangesAt = (account: BillingAccount, at: string): BillingEvent[] => {
  const collector = createEventCollector(account);
  addStanding(collector, at);
  return collector.events;
};
