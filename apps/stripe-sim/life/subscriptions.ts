import { invalid } from '../errors';
import type { Item, Subscription, SubscriptionStatus } from '../store/objects';
import { newId } from '../store/store';
import { cardOf, collect, line, makeInvoice, requireCharge } from './invoices';
import { periodLines, requireDistinctPrices, type WantedItem } from './lines';
import { DAY, laterBy, type World } from './world';

/**
 * Changes fields of a subscription, with an event that contains their previous values. Does nothing if nothing changes.
 */
export const change = (world: World, subscription: Subscription, changes: Partial<Subscription>): void => {
  const before = Object.fromEntries(
    Object.keys(changes).map((key) => [key, structuredClone(subscription[key as keyof Subscription])]),
  );
  const isSame = Object.entries(changes).every(([key, value]) => JSON.stringify(before[key]) === JSON.stringify(value));
  if (isSame) return;
  Object.assign(subscription, changes);
  world.store.put(subscription);
  world.emit('customer.subscription.updated', subscription, before);
};

export const setStatus = (world: World, subscription: Subscription, status: SubscriptionStatus): void =>
  change(world, subscription, { status });

/**
 * Begins a subscription and charges its first invoice.
 * @throws SimError Stripe's answer if the card does not pay: nothing was created
 */
export const begin = (
  world: World,
  request: {
    /** Id of the customer. */
    readonly customer: string;
    readonly items: readonly WantedItem[];
    /** 0: no trial. */
    readonly trialDays: number;
    /** The customer is present and can authenticate. */
    readonly present: boolean;
  },
): Subscription => {
  const { store } = world;
  const now = world.now();
  const [first] = request.items;
  if (!first) throw invalid('A subscription needs an item.', 'items');
  requireDistinctPrices(request.items);
  const id = newId('sub');
  const trialEnd = request.trialDays > 0 ? now + request.trialDays * DAY : null;
  const end = trialEnd ?? laterBy(now, first.price.recurring.interval);
  const data = request.items.map(
    ({ price, quantity }): Item => ({
      ...{ id: newId('si'), object: 'subscription_item', subscription: id, price, quantity },
      ...{ current_period_start: now, current_period_end: end },
    }),
  );
  const subscription: Subscription = {
    ...{ id, object: 'subscription', customer: request.customer, currency: first.price.currency, created: now },
    ...{ livemode: false, collection_method: 'charge_automatically', status: trialEnd ? 'trialing' : 'active' },
    ...{ start_date: now, billing_cycle_anchor: trialEnd ?? now, cancel_at: null, cancel_at_period_end: false },
    ...{ canceled_at: null, ended_at: null, trial_start: trialEnd && now, trial_end: trialEnd },
    ...{ default_payment_method: null, latest_invoice: null, pause_collection: null, metadata: {} },
    items: { object: 'list', data, has_more: false },
  };
  if (!trialEnd) requireCharge(cardOf(world, subscription), request.present);
  store.put(subscription);
  world.emit('customer.subscription.created', subscription);
  const lines = trialEnd
    ? [line(0, subscription.currency, 'Trial period', 1, now, trialEnd)]
    : periodLines(subscription);
  collect(
    world,
    makeInvoice(world, subscription, lines, 'subscription_create'),
    cardOf(world, subscription),
    request.present,
  );
  return subscription;
};

/** Ends a subscription at once. Does nothing if it has ended already. */
export const end = (world: World, subscription: Subscription): void => {
  if (subscription.status === 'canceled') return;
  const now = world.now();
  Object.assign(subscription, { status: 'canceled', canceled_at: subscription.canceled_at ?? now, ended_at: now });
  world.store.put(subscription);
  world.emit('customer.subscription.deleted', subscription);
};
