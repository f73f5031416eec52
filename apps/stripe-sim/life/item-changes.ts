import type { Item, Line, Subscription } from '../store/objects';
import { newId } from '../store/store';
import { cardOf, collect, line, makeInvoice, requireCharge } from './invoices';
import { periodOf, requireDistinctPrices, type WantedItem } from './lines';
import { activateIfPaid } from './payments';
import { change, setStatus } from './subscriptions';
import type { World } from './world';

/**
 * The invoice lines for a change of items: a credit for the unused time of the old items, and the price of the new ones
 * for the rest of the period.
 * @param at seconds since 1970
 */
export const proration = (subscription: Subscription, wanted: readonly WantedItem[], at: number): Line[] => {
  const { start, end } = periodOf(subscription);
  const from = Math.min(Math.max(at, start), end);
  const share = end > start ? (end - from) / (end - start) : 0;
  const { currency } = subscription;
  const lineFor = (sign: 1 | -1, { price, quantity }: WantedItem): Line => {
    const amount = sign * Math.round(price.unit_amount * quantity * share);
    const what = sign < 0 ? 'Unused time on' : 'Remaining time on';
    return line(amount, currency, `${what} ${quantity} × ${price.id}`, quantity, from, end);
  };
  const isIn = (item: WantedItem, items: readonly WantedItem[]): boolean =>
    items.some(({ price, quantity }) => price.id === item.price.id && quantity === item.quantity);
  const present = subscription.items.data;
  return [
    ...present.filter((it) => !isIn(it, wanted)).map((it) => lineFor(-1, it)),
    ...wanted.filter((it) => !isIn(it, present)).map((it) => lineFor(1, it)),
  ];
};

/**
 * Changes the items of a subscription.
 * @param options `at`: seconds since 1970, the time of the proration; `charge`: make an invoice for the proration now;
 * `insist`: refuse the change if the card does not pay that invoice
 * @throws SimError the card does not pay, and nothing was changed
 */
export const changeItems = (
  world: World,
  subscription: Subscription,
  wanted: readonly (WantedItem & { readonly id?: string | undefined })[],
  options: { readonly at: number; readonly charge: boolean; readonly insist: boolean },
): void => {
  requireDistinctPrices(wanted);
  const lines = options.charge && subscription.status !== 'trialing' ? proration(subscription, wanted, options.at) : [];
  const due = lines.reduce((sum, { amount }) => sum + amount, 0);
  const credit = Math.min(0, world.store.get('customer', subscription.customer)?.balance ?? 0);
  if (due + credit > 0 && options.insist) requireCharge(cardOf(world, subscription), false);
  const { start, end } = periodOf(subscription);
  const data = wanted.map(
    ({ id, price, quantity }): Item => ({
      ...{ id: id ?? newId('si'), object: 'subscription_item', subscription: subscription.id, price, quantity },
      ...{ current_period_start: start, current_period_end: end },
    }),
  );
  change(world, subscription, { items: { object: 'list', data, has_more: false } });
  if (lines.length === 0) return;
  const invoice = makeInvoice(world, subscription, lines, 'subscription_update');
  if (collect(world, invoice, cardOf(world, subscription))) activateIfPaid(world, subscription, invoice);
  else setStatus(world, subscription, 'past_due');
};
