import type { SubscriptionItem } from '../subscription-items';
import type { StripeConnection } from './connection';
import { StripeRefused } from './stripe-refused';
import { StripeUnavailable } from './stripe-unavailable';

/** The pages of Stripe on which owners pay, and manage cards and invoices. */
export const createHostedPages = ({ call }: StripeConnection) => {
  /** @returns false if Stripe refuses: the checkout page is not open any more */
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
    /** Creates a checkout page. @returns its id, and the URL to send the owner to */
    createCheckout: (
      checkout: {
        readonly customer: string;
        readonly items: readonly SubscriptionItem[];
        readonly successUrl: string;
        readonly cancelUrl: string;
      },
      idempotencyKey: string,
    ): Promise<{ id: string; url: string }> =>
      call(async (stripe) => {
        const { customer, items, successUrl, cancelUrl } = checkout;
        const { id, url } = await stripe.checkout.sessions.create(
          { mode: 'subscription', customer, line_items: [...items], success_url: successUrl, cancel_url: cancelUrl },
          { idempotencyKey },
        );
        if (url === null) throw new StripeUnavailable('Stripe created a checkout session without a URL');
        return { id, url };
      }),

    /** Creates a page of the customer portal. @returns the URL to send the owner to */
    createPortal: (customer: string, returnUrl: string, idempotencyKey: string): Promise<string> =>
      call(async (stripe) => {
        const session = { customer, return_url: returnUrl };
        return (await stripe.billingPortal.sessions.create(session, { idempotencyKey })).url;
      }),

    /** Closes a checkout page. Does nothing if it is not open any more. */
    expire: async (sessionId: string): Promise<void> => {
      await tryToExpire(sessionId);
    },

    /**
     * Closes all open checkout pages of the customer but this one, because the customer would be charged for each page
     * that is paid.
     * @returns false if another page could not be closed, because it was paid or expired just now
     */
    expireOthers: async (customer: string, sessionId: string): Promise<boolean> => {
      const { data } = await call((stripe) => stripe.checkout.sessions.list({ customer, status: 'open', limit: 100 }));
      let areAllClosed = true;
      for (const { id } of data) if (id !== sessionId && !(await tryToExpire(id))) areAllClosed = false;
      return areAllClosed;
    },
  };
};
