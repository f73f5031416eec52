import type { Invoice, Subscription } from '../store/objects';
import { cardOf, collect, makeInvoice } from './invoices';
import { periodLines, periodOf } from './lines';
import { activateIfPaid } from './payments';
import { change, end, setStatus } from './subscriptions';
import { laterBy, type World } from './world';

/**
 * Begins and charges the next period of a subscription, ends the subscription, or pauses it after a trial without a
 * card.
 */
export const renew = (world: World, subscription: Subscription): void => {
  if (subscription.cancel_at_period_end) {
    end(world, subscription);
    return;
  }
  const { end: start } = periodOf(subscription);
  const wasTrial = subscription.status === 'trialing';
  if (wasTrial && !cardOf(world, subscription)) {
    change(world, subscription, { status: 'paused' });
    world.emit('customer.subscription.paused', subscription);
    return;
  }
  const items = structuredClone(subscription.items);
  for (const item of items.data) {
    item.current_period_start = start;
    item.current_period_end = laterBy(start, item.price.recurring.interval);
  }
  change(world, subscription, { items, ...(wasTrial && { status: 'active' as const }) });
  const invoice = makeInvoice(world, subscription, periodLines(subscription), 'subscription_cycle');
  if (collect(world, invoice, cardOf(world, subscription))) activateIfPaid(world, subscription, invoice);
  else setStatus(world, subscription, 'past_due');
};

/** Tries to collect an invoice again. After the last failure the subscription ends. */
export const retryPayment = (world: World, invoice: Invoice): void => {
  const subscription = world.store.get('subscription', invoice.parent.subscription_details.subscription);
  if (!subscription || subscription.status === 'canceled') {
    invoice.next_payment_attempt = null;
    world.store.put(invoice);
    return;
  }
  if (collect(world, invoice, cardOf(world, subscription))) activateIfPaid(world, subscription, invoice);
  else if (invoice.next_payment_attempt === null) end(world, subscription);
};
