import { declined, invalid } from '../errors';
import type { Invoice, Line, PaymentMethod, Subscription } from '../store/objects';
import { newId } from '../store/store';
import { DAY, type World } from './world';

/** Days from a failed payment to the next attempt. After the last attempt the subscription ends. */
const RETRY_DAYS = [3, 5, 7] as const;

/** A line of an invoice. @param amount minor units; below 0: a credit @param start @param end seconds since 1970 */
export const line = (
  amount: number,
  currency: string,
  description: string,
  quantity: number,
  start: number,
  end: number,
): Line => ({
  ...{ id: newId('il'), object: 'line_item', amount, currency, description, quantity, period: { start, end } },
});

/** Makes a finalised invoice. The customer's credit is used first, and a total below 0 is added to it. */
export const makeInvoice = (world: World, subscription: Subscription, lines: Line[], reason: string): Invoice => {
  const { store } = world;
  const now = world.now();
  const total = lines.reduce((sum, { amount }) => sum + amount, 0);
  const customer = store.get('customer', subscription.customer);
  const credit = Math.min(0, customer?.balance ?? 0);
  const due = Math.max(0, total + credit);
  if (customer && customer.balance !== total + credit - due) {
    customer.balance = Math.min(0, total + credit - due);
    store.put(customer);
  }
  const id = newId('in');
  const [first] = lines;
  const invoice: Invoice = {
    ...{ id, object: 'invoice', customer: subscription.customer, number: world.nextInvoiceNumber() },
    ...{ currency: subscription.currency, billing_reason: reason, created: now, livemode: false },
    ...{ period_start: first?.period.start ?? now, period_end: first?.period.end ?? now },
    parent: { type: 'subscription_details', subscription_details: { subscription: subscription.id } },
    lines: { object: 'list', data: lines, has_more: false },
    ...{ total, amount_due: due, hosted_invoice_url: `${world.baseUrl()}/invoice/${id}` },
    ...{ status: 'open', amount_paid: 0, amount_remaining: due, attempted: false, attempt_count: 0 },
    next_payment_attempt: null,
    status_transitions: { finalized_at: now, paid_at: null, voided_at: null, marked_uncollectible_at: null },
  };
  subscription.latest_invoice = id;
  store.put(subscription);
  store.put(invoice);
  world.emit('invoice.created', { ...invoice, status: 'draft' });
  world.emit('invoice.finalized', invoice);
  return invoice;
};

/** The card that is charged for a subscription; undefined: there is none. */
export const cardOf = ({ store }: World, subscription: Subscription): PaymentMethod | undefined => {
  const customer = store.get('customer', subscription.customer);
  const id = subscription.default_payment_method ?? customer?.invoice_settings.default_payment_method;
  return id ? store.get('payment_method', id) : undefined;
};

const settle = (world: World, invoice: Invoice): void => {
  invoice.status = 'paid';
  invoice.amount_paid = invoice.amount_due;
  invoice.amount_remaining = 0;
  invoice.next_payment_attempt = null;
  invoice.status_transitions.paid_at = world.now();
  world.store.put(invoice);
  if (invoice.amount_due > 0)
    world.emit('charge.succeeded', {
      ...{ id: newId('ch'), object: 'charge', amount: invoice.amount_due, currency: invoice.currency },
      ...{ customer: invoice.customer, invoice: invoice.id, created: world.now(), paid: true },
    });
  world.emit('invoice.paid', invoice);
  world.emit('invoice.payment_succeeded', invoice);
};

/**
 * Tries to charge the card for an invoice. After a failure the next attempt is scheduled.
 * @param present the customer is present and can authenticate
 * @returns whether the invoice is paid
 */
export const collect = (world: World, invoice: Invoice, card: PaymentMethod | undefined, present = false): boolean => {
  if (invoice.status === 'paid') return true;
  invoice.attempted = true;
  if (invoice.amount_due > 0) invoice.attempt_count += 1;
  const pays = card?._behaviour === 'pays' || (present && card?._behaviour === 'authenticates');
  if (pays || invoice.amount_due === 0) {
    settle(world, invoice);
    return true;
  }
  const days = RETRY_DAYS[invoice.attempt_count - 1];
  invoice.next_payment_attempt = days === undefined ? null : world.now() + days * DAY;
  world.store.put(invoice);
  if (card?._behaviour === 'authenticates') world.emit('invoice.payment_action_required', invoice);
  world.emit('invoice.payment_failed', invoice);
  return false;
};

/** Checks that a card would pay. @throws SimError Stripe's answer if there is no card, or it would not pay */
export const requireCharge = (card: PaymentMethod | undefined, present: boolean): void => {
  if (!card)
    throw declined('This customer has no attached payment source or default payment method.', 'resource_missing');
  if (card._behaviour === 'declines') throw declined();
  if (card._behaviour === 'authenticates' && !present)
    throw declined('This payment requires additional user action.', 'authentication_required');
};

/** Voids or writes off an invoice: no payment is attempted any more. @throws SimError the invoice is not open */
export const closeUnpaid = (world: World, invoice: Invoice, as: 'void' | 'uncollectible'): void => {
  if (invoice.status !== 'open' && !(as === 'void' && invoice.status === 'uncollectible'))
    throw invalid(
      `You can only ${as === 'void' ? 'void' : 'write off'} an open invoice.`,
      'invoice',
      'invoice_not_editable',
    );
  invoice.status = as;
  invoice.next_payment_attempt = null;
  invoice.status_transitions[as === 'void' ? 'voided_at' : 'marked_uncollectible_at'] = world.now();
  world.store.put(invoice);
  world.emit(as === 'void' ? 'invoice.voided' : 'invoice.marked_uncollectible', invoice);
};
