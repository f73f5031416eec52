import type { PaymentDisputed, SubscriptionStatus, Terms } from '#domain/tenant/billing-events';
import type { BillingFacts, InvoiceFacts } from '#domain/tenant/billing-facts';
import type { Catalogue } from '#plans/catalogue/index';
import type { StripeInvoice, StripeSnapshot, StripeSubscription } from './stripe-snapshot';

/** Something of Stripe's that means nothing in our words: a price that no plan has, a status that is new. */
export class Untranslatable extends Error {
  override readonly name = 'Untranslatable';
}

const time = (seconds: number): string => new Date(seconds * 1_000).toISOString();
const timeOr = (seconds: number | null): string | null => (seconds === null ? null : time(seconds));

/** What counts among several: one that is paid for before one that is not. Those that are not here are not begun, or over. */
const STATUSES: Readonly<Record<string, readonly [rank: number, SubscriptionStatus]>> = {
  active: [0, 'active'],
  trialing: [0, 'trialing'],
  past_due: [1, 'past-due'],
  unpaid: [2, 'unpaid'],
  paused: [3, 'paused'],
};
const NOT_BEGUN: ReadonlySet<string> = new Set(['incomplete']);
const OVER: ReadonlySet<string> = new Set(['canceled', 'incomplete_expired']);

/** Nothing is charged for it any more, whatever happens. @param status in Stripe's words */
export const isOver = (status: string): boolean => OVER.has(status);

const rankOf = ({ status }: StripeSubscription): number => STATUSES[status]?.[0] ?? Number.POSITIVE_INFINITY;

/** The one that counts: the best in rank, and of those the newest. */
const choose = (subscriptions: readonly StripeSubscription[]): StripeSubscription | undefined => {
  for (const { status } of subscriptions)
    if (!STATUSES[status] && !NOT_BEGUN.has(status) && !OVER.has(status))
      throw new Untranslatable(`a subscription has the status ${status}`);
  return subscriptions
    .filter(({ status }) => STATUSES[status])
    .sort(
      (one, other) => rankOf(one) - rankOf(other) || other.created - one.created || (one.id < other.id ? 1 : -1),
    )[0];
};

const sold = (
  { id, items }: StripeSubscription,
  catalogue: Catalogue,
): { readonly terms: Terms; readonly seats: number | null } => {
  const found = catalogue.soldBy(items.data.map(({ price }) => price.id));
  if (!found) throw new Untranslatable(`the subscription ${id} has a price that belongs to no plan`);
  const included = catalogue.detailsOf(found.plan, found.version).limits.seats;
  if (found.seat === null || included === null)
    return { terms: catalogue.termsOf(found.plan, null, found.version), seats: null };
  const further = items.data
    .filter(({ price }) => price.id === found.seat)
    .reduce((sum, { quantity = 0 }) => sum + quantity, 0);
  const seats = included + further;
  return { terms: catalogue.termsOf(found.plan, seats, found.version), seats };
};

const isFailing = ({ status, attempt_count }: StripeInvoice): boolean => status === 'open' && attempt_count > 0;

/** What is left unpaid of a subscription that is over is no reason to lock the one that there is now. */
const isOf = ({ id }: StripeSubscription, { parent }: StripeInvoice): boolean => {
  const subscription = parent?.subscription_details?.subscription;
  return subscription === undefined || (typeof subscription === 'string' ? subscription : subscription.id) === id;
};

const failedAt = ({ status_transitions, created }: StripeInvoice): number => status_transitions.finalized_at ?? created;

/** Since when payment is missing, by Stripe's clock alone: every process, at any time, finds the same. */
const failingSince = (subscription: StripeSubscription, invoices: readonly StripeInvoice[]): string | null => {
  const { status, trial_end, items } = subscription;
  const begun = Math.max(...items.data.map(({ current_period_start }) => current_period_start));
  if (status === 'paused') return time(trial_end ?? begun);
  if (status !== 'past_due' && status !== 'unpaid') return null;
  const failing = invoices.filter((it) => isFailing(it) && isOf(subscription, it)).map(failedAt);
  return time(failing.length > 0 ? Math.min(...failing) : begun);
};

const INVOICES: ReadonlySet<string | null> = new Set(['open', 'paid', 'void', 'uncollectible']);

const invoiceFacts = (invoice: StripeInvoice): InvoiceFacts[] => {
  const { id, number, status, currency, created, attempt_count, next_payment_attempt, hosted_invoice_url } = invoice;
  const { total: amount, amount_due: amountDue, amount_paid: amountPaid } = invoice;
  // A draft is nothing yet.
  if (!id || !INVOICES.has(status)) return [];
  return [
    {
      ...{ invoiceId: id, number, amount, amountDue, amountPaid },
      ...{ currency: currency.toUpperCase(), createdAt: time(created) },
      ...{ url: hosted_invoice_url ?? null, status: status as InvoiceFacts['status'], attempts: attempt_count },
      nextAttemptAt: timeOr(next_payment_attempt),
    },
  ];
};

/** The charge that an event of a dispute names; empty where it names none. */
export const chargeOf = (payload: string): string => {
  const { charge } = JSON.parse(payload).data.object as Record<string, unknown>;
  return typeof charge === 'string' ? charge : '';
};

/** The dispute that an event tells of. @param payload of the event @throws Untranslatable */
export const readDispute = (payload: string): PaymentDisputed['data'] => {
  const { id, amount, currency, reason, created } = JSON.parse(payload).data.object as Record<string, unknown>;
  if (
    typeof id !== 'string' ||
    typeof amount !== 'number' ||
    typeof currency !== 'string' ||
    typeof created !== 'number'
  )
    throw new Untranslatable('the dispute differs from its state at Stripe');
  const why = typeof reason === 'string' ? reason : 'general';
  return { disputeId: id, amount, currency: currency.toUpperCase(), reason: why, createdAt: time(created) };
};

/** Each once, the oldest first. */
const allInvoices = ({ subscriptions, invoices }: StripeSnapshot): StripeInvoice[] => {
  const latest = subscriptions.flatMap(({ latest_invoice: it }) => (it !== null && typeof it === 'object' ? [it] : []));
  const byId = new Map([...latest, ...invoices].map((invoice) => [invoice.id, invoice]));
  return [...byId.values()].sort(
    (one, other) => one.created - other.created || ((one.id ?? '') < (other.id ?? '') ? -1 : 1),
  );
};

/**
 * What Stripe has, in our words. Pure: the same answer of Stripe is always the same facts, whichever webhook asked for it.
 * @throws Untranslatable
 */
export const translate = (
  snapshot: StripeSnapshot,
  catalogue: Catalogue,
  {
    at,
    reconciling = false,
    disputes = [],
  }: {
    readonly at: string;
    readonly reconciling?: boolean;
    readonly disputes?: BillingFacts['disputes'];
  },
): BillingFacts => {
  const subscription = snapshot.deleted ? undefined : choose(snapshot.subscriptions);
  const invoices = allInvoices(snapshot);
  const ended = snapshot.subscriptions.filter(({ status }) => OVER.has(status)).map(({ id }) => id);
  return {
    at,
    subscription: subscription ? subscriptionFacts(subscription, invoices, catalogue) : null,
    ended: snapshot.deleted ? 'all' : ended,
    invoices: invoices.flatMap(invoiceFacts),
    disputes,
    free: catalogue.free,
    reconciling,
  };
};

const subscriptionFacts = (
  subscription: StripeSubscription,
  invoices: readonly StripeInvoice[],
  catalogue: Catalogue,
): NonNullable<BillingFacts['subscription']> => {
  const { id, status, trial_end, cancel_at, cancel_at_period_end, items } = subscription;
  const periodEnd = Math.max(...items.data.map(({ current_period_end }) => current_period_end));
  const ours = STATUSES[status]?.[1] ?? 'unpaid';
  return {
    ...{ subscriptionId: id, status: ours, periodEnd: time(periodEnd), trialEnd: timeOr(trial_end) },
    cancelAt: timeOr(cancel_at ?? (cancel_at_period_end ? periodEnd : null)),
    failingSince: failingSince(subscription, invoices),
    ...sold(subscription, catalogue),
  };
};
