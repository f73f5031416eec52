import { invalid } from '../errors';
import type { Invoice, Item, Line, Price, Subscription, SubscriptionStatus } from '../store/objects';
import { newId } from '../store/store';
import { cardOf, collect, line, makeInvoice, requireCharge } from './invoices';
import { DAY, laterBy, type World } from './world';

/** One line as it is wanted. */
export interface Wanted {
  readonly price: Price;
  readonly quantity: number;
}

export const periodOf = ({ items }: Subscription): { start: number; end: number } => ({
  start: items.data[0]?.current_period_start ?? 0,
  end: items.data[0]?.current_period_end ?? 0,
});

const linesFor = ({ items }: Subscription): Line[] =>
  items.data.map(({ price, quantity, current_period_start, current_period_end }) =>
    line(
      price.unit_amount * quantity,
      price.currency,
      `${quantity} × ${price.id}`,
      quantity,
      current_period_start,
      current_period_end,
    ),
  );

/** Changes it, and tells what it was before. */
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

const setStatus = (world: World, subscription: Subscription, status: SubscriptionStatus): void =>
  change(world, subscription, { status });

/** Stripe has at most one line of a price in a subscription. */
const requireOnceEach = (wanted: readonly Wanted[]): void => {
  const twice = wanted.find(({ price }, at) => wanted.findIndex((it) => it.price.id === price.id) !== at);
  if (twice)
    throw invalid(`You cannot add multiple subscription items with the same price: \`${twice.price.id}\`.`, 'items');
};

/** Begins a subscription, which pays its first invoice or does not begin. */
export const begin = (
  world: World,
  wanted: {
    readonly customer: string;
    readonly items: readonly Wanted[];
    readonly trialDays: number;
    readonly present: boolean;
  },
): Subscription => {
  const { store } = world;
  const now = world.now();
  const [first] = wanted.items;
  if (!first) throw invalid('A subscription needs an item.', 'items');
  requireOnceEach(wanted.items);
  const id = newId('sub');
  const trialEnd = wanted.trialDays > 0 ? now + wanted.trialDays * DAY : null;
  const end = trialEnd ?? laterBy(now, first.price.recurring.interval);
  const data = wanted.items.map(
    ({ price, quantity }): Item => ({
      ...{ id: newId('si'), object: 'subscription_item', subscription: id, price, quantity },
      ...{ current_period_start: now, current_period_end: end },
    }),
  );
  const subscription: Subscription = {
    ...{ id, object: 'subscription', customer: wanted.customer, currency: first.price.currency, created: now },
    ...{ livemode: false, collection_method: 'charge_automatically', status: trialEnd ? 'trialing' : 'active' },
    ...{ start_date: now, billing_cycle_anchor: trialEnd ?? now, cancel_at: null, cancel_at_period_end: false },
    ...{ canceled_at: null, ended_at: null, trial_start: trialEnd && now, trial_end: trialEnd },
    ...{ default_payment_method: null, latest_invoice: null, pause_collection: null, metadata: {} },
    items: { object: 'list', data, has_more: false },
  };
  if (!trialEnd) requireCharge(cardOf(world, subscription), wanted.present);
  store.put(subscription);
  world.emit('customer.subscription.created', subscription);
  const lines = trialEnd ? [line(0, subscription.currency, 'Trial period', 1, now, trialEnd)] : linesFor(subscription);
  collect(
    world,
    makeInvoice(world, subscription, lines, 'subscription_create'),
    cardOf(world, subscription),
    wanted.present,
  );
  return subscription;
};

/** Ends it now, for good. */
export const end = (world: World, subscription: Subscription): void => {
  if (subscription.status === 'canceled') return;
  const now = world.now();
  Object.assign(subscription, { status: 'canceled', canceled_at: subscription.canceled_at ?? now, ended_at: now });
  world.store.put(subscription);
  world.emit('customer.subscription.deleted', subscription);
};

/** Credit for what is not used of the old lines, and the price of the new ones for the rest of the period. */
export const proration = (subscription: Subscription, wanted: readonly Wanted[], at: number): Line[] => {
  const { start, end: stop } = periodOf(subscription);
  const moment = Math.min(Math.max(at, start), stop);
  const share = stop > start ? (stop - moment) / (stop - start) : 0;
  const { currency } = subscription;
  const of = (sign: 1 | -1, { price, quantity }: Wanted): Line => {
    const amount = sign * Math.round(price.unit_amount * quantity * share);
    const what = sign < 0 ? 'Unused time on' : 'Remaining time on';
    return line(amount, currency, `${what} ${quantity} × ${price.id}`, quantity, moment, stop);
  };
  const isKept = (one: Wanted, others: readonly Wanted[]): boolean =>
    others.some(({ price, quantity }) => price.id === one.price.id && quantity === one.quantity);
  const old = subscription.items.data;
  return [
    ...old.filter((it) => !isKept(it, wanted)).map((it) => of(-1, it)),
    ...wanted.filter((it) => !isKept(it, old)).map((it) => of(1, it)),
  ];
};

/** Other lines from now on. @throws where the card does not pay for them, and then nothing has changed */
export const reprice = (
  world: World,
  subscription: Subscription,
  wanted: readonly (Wanted & { readonly id?: string | undefined })[],
  options: { readonly at: number; readonly charge: boolean; readonly insist: boolean },
): void => {
  requireOnceEach(wanted);
  const lines = options.charge && subscription.status !== 'trialing' ? proration(subscription, wanted, options.at) : [];
  const due = lines.reduce((sum, { amount }) => sum + amount, 0);
  const credit = Math.min(0, world.store.get('customer', subscription.customer)?.balance ?? 0);
  if (due + credit > 0 && options.insist) requireCharge(cardOf(world, subscription), false);
  const { start, end: stop } = periodOf(subscription);
  const data = wanted.map(
    ({ id, price, quantity }): Item => ({
      ...{ id: id ?? newId('si'), object: 'subscription_item', subscription: subscription.id, price, quantity },
      ...{ current_period_start: start, current_period_end: stop },
    }),
  );
  change(world, subscription, { items: { object: 'list', data, has_more: false } });
  if (lines.length === 0) return;
  const invoice = makeInvoice(world, subscription, lines, 'subscription_update');
  if (collect(world, invoice, cardOf(world, subscription))) revive(world, subscription, invoice);
  else setStatus(world, subscription, 'past_due');
};

/** A period is over: the next one begins, and is charged for. */
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
  const invoice = makeInvoice(world, subscription, linesFor(subscription), 'subscription_cycle');
  if (collect(world, invoice, cardOf(world, subscription))) revive(world, subscription, invoice);
  else setStatus(world, subscription, 'past_due');
};

/** Tries an invoice again. After the last failure the subscription ends. */
export const retry = (world: World, invoice: Invoice): void => {
  const subscription = world.store.get('subscription', invoice.parent.subscription_details.subscription);
  if (!subscription || subscription.status === 'canceled') {
    invoice.next_payment_attempt = null;
    world.store.put(invoice);
    return;
  }
  if (collect(world, invoice, cardOf(world, subscription))) revive(world, subscription, invoice);
  else if (invoice.next_payment_attempt === null) end(world, subscription);
};

/** A subscription stands as its latest invoice does: paid, it is active, whatever older ones are still open. */
const revive = (world: World, subscription: Subscription, invoice: Invoice): void => {
  const owed =
    subscription.status === 'past_due' || subscription.status === 'unpaid' || subscription.status === 'incomplete';
  if (owed && subscription.latest_invoice === invoice.id) setStatus(world, subscription, 'active');
};

/** Somebody pays an invoice by hand. @throws what Stripe answers where the card does not */
export const payByHand = (world: World, invoice: Invoice, present: boolean): void => {
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible')
    throw invalid('This invoice cannot be paid.', 'invoice', 'invoice_not_open');
  const subscription = world.store.get('subscription', invoice.parent.subscription_details.subscription);
  const card = subscription && cardOf(world, subscription);
  requireCharge(card, present);
  collect(world, invoice, card, present);
  if (subscription) revive(world, subscription, invoice);
};

/** Nobody waits for an invoice any more. */
export const forgiven = (world: World, invoice: Invoice): void => {
  const subscription = world.store.get('subscription', invoice.parent.subscription_details.subscription);
  if (subscription?.status === 'past_due' && subscription.latest_invoice === invoice.id)
    setStatus(world, subscription, 'active');
};
