import type { SubscriptionItem } from '../subscription-items';
import type { StripeConnection } from './connection';
import { StripeRefused } from './stripe-refused';
import { StripeUnavailable } from './stripe-unavailable';

/** The pages of Stripe's on which owners pay, and see to cards and invoices. */
export const createHostedPages = ({ call }: StripeConnection) => {
  /** @returns false where Stripe refuses it: the page is closed already */
  const tryToExpire = async (sessionId: string): Promise<boolean> => {
    try {
      await call((stripe) => stripe.checkout.sessions.expire(sessionId));
      return true;
    } catch (error) {
      if (error instanceof StripeRefused) return false;
      throw error;
    }
  };

  return {
    /** @returns the page to send the owner to */
    createCheckout: (
      wanted: {
        readonly customer: string;
        readonly items: readonly SubscriptionItem[];
        readonly successUrl: string;
        readonly cancelUrl: string;
      },
      idempotencyKey: string,
    ): Promise<{ id: string; url: string }> =>
      call(async (stripe) => {
        const { customer, items, successUrl, cancelUrl } = wanted;
        const { id, url } = await stripe.checkout.sessions.create(
          { mode: 'subscription', customer, line_items: [...items], success_url: successUrl, cancel_url: cancelUrl },
          { idempotencyKey },
        );
        if (url === null) throw new StripeUnavailable('Stripe created a checkout session without a URL');
        return { id, url };
      }),

    /** @returns the page to send the owner to */
    createPortal: (customer: string, returnUrl: string, idempotencyKey: string): Promise<string> =>
      call(async (stripe) => {
        const session = { customer, return_url: returnUrl };
        return (await stripe.billingPortal.sessions.create(session, { idempotencyKey })).url;
      }),

    /** Closes a page of checkout; one that is closed already stays so. */
    expire: async (sessionId: string): Promise<void> => {
      await tryToExpire(sessionId);
    },

    /**
     * Closes every page of checkout that the customer has open but this one: of two that are paid, both would be charged.
     * @returns false where another one was paid just now
     */
    expireOthers: async (customer: string, sessionId: string): Promise<boolean> => {
      const { data } = await call((stripe) => stripe.checkout.sessions.list({ customer, status: 'open', limit: 100 }));
      let all = true;
      for (const { id } of data) if (id !== sessionId && !(await tryToExpire(id))) all = false;
      return all;
    },
  };
};
