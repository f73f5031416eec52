import { TenantCommand } from '../command';
import { Refusal } from '../refusal';
import { type BillingAccount, evolveBillingAccount } from './billing-account';
import type {
  BillingEvent,
  InvoiceDetails,
  LockReason,
  PaymentDisputed,
  SubscriptionDetails,
  Terms,
} from './billing-events';
import type { TenantEvent } from './events';
import type { Tenant } from './evolve';
import { get } from './persistent-map';

const DAY_MS = 86_400_000;

/** An invoice as Stripe has it now. */
export interface InvoiceFacts extends InvoiceDetails {
  readonly status: 'open' | 'paid' | 'void' | 'uncollectible';
  /** How often it was tried to collect it. */
  readonly attempts: number;
  readonly nextAttemptAt: string | null;
}

/** What Stripe says of one customer now, in our words. */
export interface BillingFacts {
  /** RFC 3339: now. */
  readonly at: string;
  /** The one that counts, where there is one. */
  readonly subscription:
    | (SubscriptionDetails & { readonly terms: Terms /** null: the plan sells none */; readonly seats: number | null })
    | null;
  /** Ids of those that are over; `all` where the customer is no more. */
  readonly ended: readonly string[] | 'all';
  readonly invoices: readonly InvoiceFacts[];
  /** Those that were told of. */
  readonly disputes: readonly PaymentDisputed['data'][];
  /** What a tenant without a subscription has. */
  readonly free: Terms;
  /** True where no webhook told of it. */
  readonly reconciling: boolean;
}

/** The account changed after it was read: what Stripe said since then may be older than what changed it. */
class AccountChanged extends Error {
  override readonly name = 'AccountChanged';
}

/** Collects facts, and how the account stands with those that were collected already. */
const collect = (account: BillingAccount) => {
  const events: BillingEvent[] = [];
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

type Collected = ReturnType<typeof collect>;

/** The same whatever order their fields are in: a snapshot may keep them in another. */
const canonical = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, it]) => [name, canonical(it)]);
};
const isSame = (one: object, other: object): boolean =>
  JSON.stringify(canonical(one)) === JSON.stringify(canonical(other));

const endSubscription = (collected: Collected, { ended }: BillingFacts): void => {
  const subscriptionId = collected.account.subscription?.subscriptionId;
  if (subscriptionId !== undefined && (ended === 'all' || ended.includes(subscriptionId)))
    collected.add({ type: 'SubscriptionCanceled', data: { subscriptionId } });
};

/** A subscription that has ended stays ended, even where a later snapshot says that it is active. */
const takeSubscription = (collected: Collected, facts: BillingFacts): void => {
  if (!facts.subscription || get(collected.account.ended, facts.subscription.subscriptionId)) return;
  const { terms, seats, ...details } = facts.subscription;
  const known = collected.account.subscription;
  if (known?.subscriptionId !== details.subscriptionId) collected.add({ type: 'SubscriptionStarted', data: details });
  else if (!isSame(known, details)) collected.add({ type: 'SubscriptionUpdated', data: details });
  // What an operator has agreed upon stays, whatever was bought, until an operator releases it.
  if (!collected.account.terms?.agreed && !isSame(collected.account.terms ?? {}, terms))
    collected.add({ type: 'PlanChanged', data: { terms, reason: known ? 'changed' : 'subscribed' } });
  if (seats !== collected.account.seats) collected.add({ type: 'SeatsChanged', data: { seats } });
};

const fallBack = (collected: Collected, { free }: BillingFacts): void => {
  const { subscription, terms } = collected.account;
  if (subscription || terms === null || terms.agreed || terms.plan === free.plan) return;
  collected.add({ type: 'PlanChanged', data: { terms: free, reason: 'ended' } });
};

const takeInvoice = (collected: Collected, { status, attempts, nextAttemptAt, ...invoice }: InvoiceFacts): void => {
  const known = get(collected.account.invoices, invoice.invoiceId);
  if (status === 'paid') {
    if (known?.status !== 'paid' && invoice.amount !== 0) collected.add({ type: 'PaymentSucceeded', data: invoice });
    return;
  }
  if (known?.status === 'paid') return;
  if (status === 'open') {
    const isNews = attempts > (known?.attempts ?? 0) && (known === undefined || known.status === 'failed');
    if (isNews) collected.add({ type: 'PaymentFailed', data: { ...invoice, attempt: attempts, nextAttemptAt } });
    return;
  }
  if (known?.status === 'failed') collected.add({ type: 'PaymentForgiven', data: { ...invoice, as: status } });
};

const takeDisputes = (collected: Collected, { disputes }: BillingFacts): void => {
  for (const data of disputes)
    if (!get(collected.account.disputes, data.disputeId)) collected.add({ type: 'PaymentDisputed', data });
};

const later = (since: string, days: number): string => new Date(Date.parse(since) + days * DAY_MS).toISOString();

/** Why writes have to stop, and since when; undefined: they need not. */
const lockOf = ({ subscription, terms }: BillingAccount): { reason: LockReason; since: string } | undefined => {
  if (!subscription || !terms) return undefined;
  const { status, failingSince, periodEnd } = subscription;
  if (status === 'active' || status === 'trialing') return undefined;
  if (status === 'paused') return { reason: 'subscription-paused', since: failingSince ?? periodEnd };
  return { reason: 'payment-failed', since: later(failingSince ?? periodEnd, terms.graceDays) };
};

/** Where the account stands by what is known of it, at that time. */
const takeStand = (collected: Collected, at: string): void => {
  const lock = lockOf(collected.account);
  const { standing, terms, subscription } = collected.account;
  if (!lock || lock.since > at) {
    // A grace that begins again while it is locked (another invoice) unlocks nothing.
    const isLocked = standing.kind === 'locked' || standing.kind === 'suspended';
    if (!lock && isLocked)
      collected.add({ type: 'WorkspaceUnlocked', data: { reason: subscription ? 'paid' : 'ended' } });
    return;
  }
  if (standing.kind === 'active' || standing.kind === 'past-due') {
    const suspendAt = later(lock.since, terms?.suspendAfterDays ?? 0);
    collected.add({ type: 'WorkspaceLocked', data: { ...lock, suspendAt } });
  }
  suspend(collected, at);
};

const suspend = (collected: Collected, at: string): void => {
  const { standing } = collected.account;
  if (standing.kind === 'locked' && standing.suspendAt <= at)
    collected.add({ type: 'WorkspaceSuspended', data: { since: standing.suspendAt } });
};

/** Becomes what Stripe says of the tenant's customer now. */
export class FollowStripe extends TenantCommand<{
  readonly facts: BillingFacts;
  /** The account from before Stripe was asked; undefined: the tenant was not open then. */
  readonly seen: BillingAccount | undefined;
}> {}

/**
 * Brings the tenant to the state that Stripe reports, with events for the changes alone. Any order and any number of
 * webhooks lead to the same state, where Stripe reports the same. Nothing changes for a tenant that is closed.
 * @param seen the account from before Stripe was asked, where the facts count for that one alone
 * @throws AccountChanged the account is another one by now
 */
export const followStripe = (facts: BillingFacts, tenant: Tenant, seen?: BillingAccount): TenantEvent[] => {
  if (tenant.status !== 'open') return [];
  if (seen && !isSame(seen, tenant.account))
    throw new AccountChanged('The subscription changed while the server waited for Stripe. Try again.');
  const collected = collect(tenant.account);
  endSubscription(collected, facts);
  takeSubscription(collected, facts);
  fallBack(collected, facts);
  for (const invoice of facts.invoices) takeInvoice(collected, invoice);
  takeDisputes(collected, facts);
  takeStand(collected, facts.at);
  const { events } = collected;
  if (!facts.reconciling || events.length === 0) return events;
  return [{ type: 'BillingDriftRepaired', data: { facts: events.map(({ type }) => type) } }, ...events];
};

/** Locks and suspends where the time for it has come. */
export class AdvanceStanding extends TenantCommand<{ /** RFC 3339: now. */ readonly at: string }> {}

/** Locks and suspends when the time for it has come. */
export const advanceStanding = ({ at }: { readonly at: string }, tenant: Tenant): TenantEvent[] => {
  if (tenant.status !== 'open') return [];
  const collected = collect(tenant.account);
  takeStand(collected, at);
  return collected.events;
};

/** Of an operator: terms outside the catalogue. */
export class ReleaseTerms extends TenantCommand<{ readonly free: Terms }> {}

/** An operator ends what was agreed upon: what was bought counts from the next look at Stripe on, and nothing until then. */
export const releaseTerms = ({ free }: { readonly free: Terms }, tenant: Tenant): TenantEvent[] => {
  if (tenant.status !== 'open') throw new Refusal('not-found', 'There is no such tenant.');
  if (!tenant.account.terms?.agreed) return [];
  return [{ type: 'PlanChanged', data: { terms: free, reason: 'released' } }];
};

export class AgreeTerms extends TenantCommand<{ readonly terms: Terms }> {}

/** An operator agrees upon terms with one tenant; the same ones again are no event. */
export const agreeTerms = ({ terms }: { readonly terms: Terms }, tenant: Tenant): TenantEvent[] => {
  if (tenant.status !== 'open') throw new Refusal('not-found', 'There is no such tenant.');
  if (isSame(tenant.account.terms ?? {}, terms)) return [];
  return [{ type: 'PlanChanged', data: { terms, reason: 'agreed' } }];
};
