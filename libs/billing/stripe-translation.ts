import type { PaymentDisputed, SubscriptionStatus, Terms } from '#domain/tenant/billing-events';
import type { BillingFacts, InvoiceFacts } from '#domain/tenant/billing-facts';
import type { Catalogue } from '#plans/catalogue/index';
import type { StripeInvoice, StripeSnapshot, StripeSubscription } from './stripe-snapshot';

/**
 * An object of Stripe that the product cannot interpret, such as a price that belongs to no plan or an unknown status.
 */
export class Untranslatable extends Error {
  override readonly name = 'Untranslatable';
}

const time = (seconds: number): string => new Date(seconds * 1_000).toISOString();
const timeOr = (seconds: number | null): string | null => (seconds === null ? null : time(seconds));

/**
 * The statuses of a subscription that has begun and not ended. Of several subscriptions the one with the lowest rank
 * counts: a paid one before an unpaid one.
 */
const STATUSES: Readonly<Record<string, readonly [rank: number, SubscriptionStatus]>> = {
  active: [0, 'active'],
  trialing: [0, 'trialing'],
  past_due: [1, 'past-due'],
  unpaid: [2, 'unpaid'],
  paused: [3, 'paused'],
};
const NOT_BEGUN: ReadonlySet<string> = new Set(['incomplete']);
const ENDED: ReadonlySet<string> = new Set(['canceled', 'incomplete_expired']);

/** Whether a subscription has ended: nothing is charged for it any more. @param status as Stripe names it */
export const hasEnded = (status: string): boolean => ENDED.has(status);

const rankOf = ({ status }: StripeSubscription): number => STATUSES[status]?.[0] ?? Number.POSITIVE_INFINITY;

/**
 * The subscription that counts: the one with the lowest rank, and among equal ranks the newest.
 * @throws Untranslatable
 */
const choose = (subscriptions: readonly StripeSubscription[]): StripeSubscription | undefined => {
  for (const { status } of subscriptions)
    if (!STATUSES[status] && !NOT_BEGUN.has(status) && !ENDED.has(status))
      throw new Untranslatable(`a subscription has the status ${status}`);
  return subscriptions
    .filter(({ status }) => STATUSES[status])
    .sort(
      (one, other) => rankOf(one) - rankOf(other) || other.created - one.created || (one.id < other.id ? 1 : -1),
    )[0];
};

/** The terms and the seats of a subscription. @throws Untranslatable */
const soldTerms = (
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

/**
 * Only invoices of the subscription itself count: an unpaid invoice of an ended subscription does not lock the present
 * one.
 */
const belongsTo = ({ id }: StripeSubscription, { parent }: StripeInvoice): boolean => {
  const subscription = parent?.subscription_details?.subscription;
  return subscription === undefined || (typeof subscription === 'string' ? subscription : subscription.id) === id;
};

const failedAt = ({ status_transitions, created }: StripeInvoice): number => status_transitions.finalized_at ?? created;

/**
 * Since when a payment is missing. Only Stripe's times are used, so that every process calculates the same at any time.
 */
const failingSince = (subscription: StripeSubscription, invoices: readonly StripeInvoice[]): string | null => {
  const { status, trial_end, items } = subscription;
  const begun = Math.max(...items.data.map(({ current_period_start }) => current_period_start));
  if (status === 'paused') return time(trial_end ?? begun);
  if (status !== 'past_due' && status !== 'unpaid') return null;
  const failing = invoices.filter((it) => isFailing(it) && belongsTo(subscription, it)).map(failedAt);
  return time(failing.length > 0 ? Math.min(...failing) : begun);
};

const INVOICES: ReadonlySet<string | null> = new Set(['open', 'paid', 'void', 'uncollectible']);

const invoiceFacts = (invoice: StripeInvoice): InvoiceFacts[] => {
  const { id, number, status, currency, created, attempt_count, next_payment_attempt, hosted_invoice_url } = invoice;
  const { total: amount, amount_due: amountDue, amount_paid: amountPaid } = invoice;
  // Drafts are left out: nothing has to be paid for them yet.
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

/** The charge that the event of a dispute names; empty if it names none. @param payload of the event */
export const chargeOf = (payload: string): string => {
  const { charge } = JSON.parse(payload).data.object as Record<string, unknown>;
  return typeof charge === 'string' ? charge : '';
};

/**
 * The dispute that an event reports.
 * @param payload of the event
 * @throws Untranslatable a field is missing or invalid
 */
export const readDispute = (payload: string): PaymentDisputed['data'] => {
  const { id, amount, currency, reason, created } = JSON.parse(payload).data.object as Record<string, unknown>;
  if (
    typeof id !== 'string' ||
    typeof amount !== 'number' ||
    typeof currency !== 'string' ||
    typeof created !== 'number'
  )
    throw new Untranslatable('the event of the dispute has a missing or invalid field');
  const why = typeof reason === 'string' ? reason : 'general';
  return { disputeId: id, amount, currency: currency.toUpperCase(), reason: why, createdAt: time(created) };
};

/** All invoices of a snapshot, each once, the oldest first. */
const allInvoices = ({ subscriptions, invoices }: StripeSnapshot): StripeInvoice[] => {
  const latest = subscriptions.flatMap(({ latest_invoice: it }) => (it !== null && typeof it === 'object' ? [it] : []));
  const byId = new Map([...latest, ...invoices].map((invoice) => [invoice.id, invoice]));
  return [...byId.values()].sort(
    (one, other) => one.created - other.created || ((one.id ?? '') < (other.id ?? '') ? -1 : 1),
  );
};

/**
 * Translates the state of a customer at Stripe into the facts of the product. Pure: the same state always becomes the
 * same facts, whichever webhook caused the reading.
 * @param at the time of the reading, ISO 8601
 * @param reconciling whether no webhook reported the state, so that a change counts as a correction
 * @param disputes those that the events of this reading report
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
  const ended = snapshot.subscriptions.filter(({ status }) => ENDED.has(status)).map(({ id }) => id);
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
  const productStatus = STATUSES[status]?.[1] ?? 'unpaid';
  return {
    ...{ subscriptionId: id, status: productStatus, periodEnd: time(periodEnd), trialEnd: timeOr(trial_end) },
    cancelAt: timeOr(cancel_at ?? (cancel_at_period_end ? periodEnd : null)),
    failingSince: failingSince(subscription, invoices),
    ...soldTerms(subscription, catalogue),
  };
};
