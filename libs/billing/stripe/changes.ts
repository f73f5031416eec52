import { type ItemChange, itemChanges, type SubscriptionItem } from '../subscription-items';
import type { StripeConnection } from './connection';
import { allPages } from './stripe-pages';
import { isGone, StripeRefused } from './stripe-refused';

/** Other lines from a moment on. */
export interface Change {
  readonly subscriptionId: string;
  readonly items: readonly ItemChange[];
  /** Seconds: what the preview was calculated with. */
  readonly at: number;
  /** Ids of the invoices that are to be paid before; none in changes of earlier releases. */
  readonly owed?: readonly string[];
}

/** An invoice whose payment failed, and that is still to be paid. */
export interface Owed {
  readonly id: string;
  /** Minor units. */
  readonly amount: number;
}

export interface Preview {
  /** Minor units: what is charged now, with what is owed from before. */
  readonly dueNow: number;
  /** Minor units: the part of it that is owed from before. */
  readonly overdue: number;
  /** Minor units that later invoices are less: what a smaller plan leaves of the period that is paid. */
  readonly credited: number;
  /** Of each period from then on. */
  readonly recurring: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  /** Seconds: the moment that was calculated with. The change that names it costs exactly this. */
  readonly at: number;
}

/** What becomes of a subscription: what it would cost, its change, and its end. */
export const createChanges = ({ call }: StripeConnection) => {
  /** The lines as they are, turned into those that are wanted. */
  const itemsFor = async (subscriptionId: string, wanted: readonly SubscriptionItem[]): Promise<ItemChange[]> => {
    const { items } = await call((stripe) => stripe.subscriptions.retrieve(subscriptionId));
    return itemChanges(items.data, wanted);
  };

  /** Of one subscription, the oldest first: one that is paid before what came after it leaves no debt behind. */
  const owedOf = async (subscription: string): Promise<Owed[]> => {
    const open = await allPages((page) =>
      call((stripe) => stripe.invoices.list({ subscription, status: 'open', ...page })),
    );
    return open
      .flatMap(({ id, attempt_count, amount_remaining: amount }) => (id && attempt_count > 0 ? [{ id, amount }] : []))
      .reverse();
  };

  /** One that was paid meanwhile, or that nobody waits for any more, is no debt. */
  const payInvoice = async (id: string, idempotencyKey: string): Promise<void> => {
    try {
      await call((stripe) => stripe.invoices.pay(id, {}, { idempotencyKey }));
    } catch (error) {
      if (!(error instanceof StripeRefused)) throw error;
      if ((await call((stripe) => stripe.invoices.retrieve(id))).status === 'open') throw error;
    }
  };

  return {
    itemsFor,
    owedOf,

    /** What a change would cost. @param at seconds */
    preview: async (subscriptionId: string, wanted: readonly SubscriptionItem[], at: number): Promise<Preview> => {
      const [items, owed] = await Promise.all([itemsFor(subscriptionId, wanted), owedOf(subscriptionId)]);
      const overdue = owed.reduce((sum, { amount }) => sum + amount, 0);
      const { amount_due, total, currency, lines } = await call((stripe) =>
        stripe.invoices.createPreview({
          subscription: subscriptionId,
          subscription_details: { items, proration_date: at, proration_behavior: 'always_invoice' },
        }),
      );
      const prices = await Promise.all(wanted.map(({ price }) => call((stripe) => stripe.prices.retrieve(price))));
      const recurring = prices.reduce(
        (sum, { unit_amount }, n) => sum + (unit_amount ?? 0) * (wanted[n]?.quantity ?? 0),
        0,
      );
      // Of an account without lines there is nothing to prorate.
      const isProrated = lines.data.length > 0;
      const dueNow = overdue + (isProrated ? amount_due : 0);
      const credited = isProrated ? Math.max(0, -total) : 0;
      return { dueNow, overdue, credited, recurring, currency: currency.toUpperCase(), at };
    },

    /**
     * Charges now what the preview of the same moment said, or changes nothing: what is owed is paid first, since what was not
     * paid for is not worth a credit. Without lines it ends when what was paid for is over.
     */
    change: async ({ subscriptionId, items, at, owed = [] }: Change, idempotencyKey: string): Promise<void> => {
      for (const id of owed) await payInvoice(id, `${idempotencyKey}-${id}`);
      const wanted =
        items.length === 0
          ? { cancel_at_period_end: true }
          : {
              ...{ items: [...items], proration_date: at, proration_behavior: 'always_invoice' as const },
              ...{ payment_behavior: 'error_if_incomplete' as const, cancel_at_period_end: false },
            };
      await call((stripe) => stripe.subscriptions.update(subscriptionId, wanted, { idempotencyKey }));
    },

    /** Ends it at once; one that is over already stays so. */
    cancelNow: async (subscriptionId: string, idempotencyKey: string): Promise<void> => {
      try {
        await call((stripe) => stripe.subscriptions.cancel(subscriptionId, {}, { idempotencyKey }));
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },
  };
};
