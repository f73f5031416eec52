import type { StripeInvoice, StripeSnapshot, StripeSubscription } from '../stripe-snapshot';
import { isOver } from '../stripe-translation';
import type { StripeConnection } from './connection';
import { allPages } from './stripe-pages';
import { isGone, StripeRefused } from './stripe-refused';

/** A customer of ours whom this Stripe has never had: the key is of another account than the customer. */
export class UnknownToStripe extends Error {
  override readonly name = 'UnknownToStripe';
  constructor(customer: string, options?: ErrorOptions) {
    super(
      `Stripe does not know the customer ${customer}; check that STRIPE_SECRET_KEY belongs to the right account`,
      options,
    );
  }
}

/** What of a customer has to be looked at, beside its subscriptions. */
export interface Needs {
  readonly invoices: boolean;
  readonly customer: boolean;
}

/** The ids that Stripe gives to charges. */
const CHARGE = /^(ch|py)_\w{1,250}$/;

/** Tenants as Stripe knows them, and what it has of them. */
export const createCustomers = ({ call }: StripeConnection) => {
  const invoicesOf = async (customer: string): Promise<readonly StripeInvoice[]> =>
    allPages((page) => call((stripe) => stripe.invoices.list({ customer, ...page })));

  const isDeleted = async (customer: string): Promise<boolean> =>
    (await call((stripe) => stripe.customers.retrieve(customer))).deleted === true;

  const isDeletedForSure = async (customer: string): Promise<boolean> => {
    try {
      return await isDeleted(customer);
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  };

  const subscriptionsOf = async (customer: string): Promise<readonly StripeSubscription[]> => {
    const list = { customer, status: 'all' } as const;
    return allPages((page) =>
      call((stripe) => stripe.subscriptions.list({ ...list, ...page, expand: ['data.latest_invoice'] })),
    );
  };

  return {
    /** @param name of the tenant: what its invoices say */
    createCustomer: (tenantId: string, name: string, idempotencyKey: string): Promise<string> =>
      call(async (stripe) => {
        const { id } = await stripe.customers.create({ name, metadata: { tenantId } }, { idempotencyKey });
        return id;
      }),

    /** What Stripe has of a customer now. @throws StripeUnavailable @throws UnknownToStripe */
    snapshot: async (customer: string, needs: Needs): Promise<StripeSnapshot> => {
      const gone: StripeSnapshot = { deleted: true, subscriptions: [], invoices: [] };
      try {
        if (needs.customer && (await isDeleted(customer))) return gone;
        const subscriptions = await subscriptionsOf(customer);
        const owes = subscriptions.some(({ status }) => status === 'past_due' || status === 'unpaid');
        const invoices = needs.invoices || owes ? await invoicesOf(customer) : [];
        return { deleted: false, subscriptions, invoices };
      } catch (error) {
        if (!isGone(error)) throw error;
        // Deleted is what Stripe calls so. One that it has never heard of is of another account: nothing follows from that.
        if (await isDeletedForSure(customer)) return gone;
        throw new UnknownToStripe(customer, { cause: error });
      }
    },

    /** Whether the customer has a subscription that is charged for. */
    hasSubscription: async (customer: string): Promise<boolean> =>
      (await subscriptionsOf(customer)).some(({ status }) => !isOver(status) && status !== 'incomplete'),

    /** Whose charge it is; null: nobody's that Stripe knows. */
    customerOfCharge: async (chargeId: string): Promise<string | null> => {
      if (!CHARGE.test(chargeId)) return null;
      try {
        const { customer } = await call((stripe) => stripe.charges.retrieve(chargeId));
        return typeof customer === 'string' ? customer : (customer?.id ?? null);
      } catch (error) {
        if (error instanceof StripeRefused) return null;
        throw error;
      }
    },
  };
};
