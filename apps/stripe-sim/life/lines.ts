import { invalid } from '../errors';
import type { Line, Price, Subscription } from '../store/objects';
import { line } from './invoices';

/** An item of a subscription as a request wants it. */
export interface WantedItem {
  readonly price: Price;
  readonly quantity: number;
}

/** The present period of a subscription, in seconds since 1970. */
export const periodOf = ({ items }: Subscription): { start: number; end: number } => ({
  start: items.data[0]?.current_period_start ?? 0,
  end: items.data[0]?.current_period_end ?? 0,
});

/** The invoice lines for a whole period. */
export const periodLines = ({ items }: Subscription): Line[] =>
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

/** Stripe allows at most one item with the same price in a subscription. @throws SimError */
export const requireDistinctPrices = (wanted: readonly WantedItem[]): void => {
  const repeated = wanted.find(({ price }, index) => wanted.findIndex((it) => it.price.id === price.id) !== index);
  if (repeated)
    throw invalid(`You cannot add multiple subscription items with the same price: \`${repeated.price.id}\`.`, 'items');
};
