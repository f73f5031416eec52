import { invalid } from '../errors';
import type { Invoice, Subscription } from '../store/objects';
import { cardOf, collect, requireCharge } from './invoices';
import { setStatus } from './subscriptions';
import type { World } from './world';

/**
 * Makes a subscription active after a payment. Stripe only considers the latest invoice: once that is paid, the
 * subscription is active, even if older invoices are open.
 */
export const activateIfPaid = (world: World, subscription: Subscription, invoice: Invoice): void => {
  const isUnpaid =
    subscription.status === 'past_due' || subscription.status === 'unpaid' || subscription.status === 'incomplete';
  if (isUnpaid && subscription.latest_invoice === invoice.id) setStatus(world, subscription, 'active');
};

/**
 * Pays an invoice on request.
 * @param present the customer is present and can authenticate
 * @throws SimError Stripe's answer: the invoice cannot be paid, or the card does not pay
 */
export const payInvoice = (world: World, invoice: Invoice, present: boolean): void => {
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible')
    throw invalid('This invoice cannot be paid.', 'invoice', 'invoice_not_open');
  const subscription = world.store.get('subscription', invoice.parent.subscription_details.subscription);
  const card = subscription && cardOf(world, subscription);
  requireCharge(card, present);
  collect(world, invoice, card, present);
  if (subscription) activateIfPaid(world, subscription, invoice);
};

/** Makes a subscription active after its latest invoice was voided. */
export const activateAfterVoid = (world: World, invoice: Invoice): void => {
  const subscription = world.store.get('subscription', invoice.parent.subscription_details.subscription);
  if (subscription?.status === 'past_due' && subscription.latest_invoice === invoice.id)
    setStatus(world, subscription, 'active');
};
