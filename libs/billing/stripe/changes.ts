import { type ItemChange, itemChanges, type SubscriptionItem } from '../subscription-items';
import type { StripeConnection } from './connection';
import { allPages } from './stripe-pages';
import { isMissing, StripeRefused } from './stripe-refused';

/** A change of a subscription. It is stored in the outbox, so fields may only be added as optional ones. */
export interface Change {
  readonly subscriptionId: string;
  /** Empty: the subscription ends with the paid period. */
  readonly items: readonly ItemChange[];
  /** Seconds since 1970: the time of the preview, for which the price is calculated. */
  readonly at: number;
  /** Ids of the invoices that are paid before the change, the oldest first; missing in changes of earlier releases. */
  readonly owed?: readonly string[];
}

/** An open invoice whose payment failed. */
export interface OverdueInvoice {
  readonly id: string;
  /** Minor units. */
  readonly amount: number;
}

export interface Preview {
  /** Minor units: the amount that is charged now, including overdue invoices. */
  readonly dueNow: number;
  /** Minor units: the part of `dueNow` that pays overdue invoices. */
  readonly overdue: number;
  /** Minor units: the credit for the unused part of the paid period, which reduces later invoices. */
  readonly credited: number;
  /** Minor units: the amount of each later period. */
  readonly recurring: number;
  /** ISO 4217, upper case. */
  readonly currency: string;
  /** Seconds since 1970: the time of the calculation. A change with the same time costs exactly these amounts. */
  readonly at: number;
}

/** Requests that preview, change and end subscriptions. */
export const createChanges = ({ call }: StripeConnection) => {
  /** The changes that turn the lines of a subscription into the wanted ones. */
  const itemsFor = async (subscriptionId: string, wanted: readonly SubscriptionItem[]): Promise<ItemChange[]> => {
    const { items } = await call((stripe) => stripe.subscriptions.retrieve(subscriptionId));
    return itemChanges(items.data, wanted);
  };

  /**
   * The overdue invoices of a subscription, the oldest first. They are paid in this order, so that no older debt is left
   * behind a paid invoice.
   */
  const overdueInvoicesOf = async (subscription: string): Promise<OverdueInvoice[]> => {
    const open = await allPages((page) =>
      call((stripe) => stripe.invoices.list({ subscription, status: 'open', ...page })),
    );
    return open
      .flatMap(({ id, attempt_count, amount_remaining: amount }) => (id && attempt_count > 0 ? [{ id, amount }] : []))
      .reverse();
  };

  /**
   * Pays an invoice. A refusal is ignored if the invoice is not open any more: it was paid, voided or written off
   * meanwhile.
   */
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
    overdueInvoicesOf,

    /** The cost of a change. @param at seconds since 1970 @throws StripeUnavailable @throws StripeRefused */
    preview: async (subscriptionId: string, wanted: readonly SubscriptionItem[], at: number): Promise<Preview> => {
      const [items, invoices] = await Promise.all([
        itemsFor(subscriptionId, wanted),
        overdueInvoicesOf(subscriptionId),
      ]);
      const overdue = invoices.reduce((sum, { amount }) => sum + amount, 0);
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
      // A preview without lines prorates nothing, as during a trial.
      const isProrated = lines.data.length > 0;
      const dueNow = overdue + (isProrated ? amount_due : 0);
      const credited = isProrated ? Math.max(0, -total) : 0;
      return { dueNow, overdue, credited, recurring, currency: currency.toUpperCase(), at };
    },

    /**
     * Changes a subscription and charges the amount that the preview for the same time showed, or changes nothing if
     * the card does not pay. Overdue invoices are paid first, because there must be no credit for a period that was not
     * paid. Without lines the subscription ends with the paid period.
     * @throws StripeUnavailable @throws StripeRefused overdue invoices may have been paid then
     */
    change: async ({ subscriptionId, items, at, owed = [] }: Change, idempotencyKey: string): Promise<void> => {
      for (const id of owed) await payInvoice(id, `${idempotencyKey}-${id}`);
      const update =
        items.length === 0
          ? { cancel_at_period_end: true }
          : {
              ...{ items: [...items], proration_date: at, proration_behavior: 'always_invoice' as const },
              ...{ payment_behavior: 'error_if_incomplete' as const, cancel_at_period_end: false },
            };
      await call((stripe) => stripe.subscriptions.update(subscriptionId, update, { idempotencyKey }));
    },

    /** Ends a subscription at once. Does nothing if it has ended already. */
    cancelNow: async (subscriptionId: string, idempotencyKey: string): Promise<void> => {
      try {
        await call((stripe) => stripe.subscriptions.cancel(subscriptionId, {}, { idempotencyKey }));
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
};
