import type { StripeInvoice, StripeSnapshot, StripeSubscription } from '../stripe-snapshot';
import { hasEnded } from '../stripe-translation';
import type { StripeConnection } from './connection';
import { allPages } from './stripe-pages';
import { isMissing, StripeRefused } from './stripe-refused';

/** Stripe does not know a customer of the installation: the secret key belongs to another account than the customer. */
export class UnknownToStripe extends Error {
  override readonly name = 'UnknownToStripe';
  constructor(customer: string, options?: ErrorOptions) {
    super(
      `Stripe does not know the customer ${customer}; check that STRIPE_SECRET_KEY belongs to the right account`,
      options,
    );
  }
}

/** The parts of a customer, besides its subscriptions, that have to be read. */
export interface Needs {
  /** All invoices. They are read in any case if a payment is missing. */
  readonly invoices: boolean;
  /** Whether the customer was deleted. */
  readonly customer: boolean;
}

/** The form of Stripe's ids of charges. */
const CHARGE = /^(ch|py)_\w{1,250}$/;

/** Requests about the customers of Stripe that belong to tenants. */
export const createCustomers = ({ call }: StripeConnection) => {
  const invoicesOf = async (customer: string): Promise<readonly StripeInvoice[]> =>
    allPages((page) => call((stripe) => stripe.invoices.list({ customer, ...page })));

  const isDeleted = async (customer: string): Promise<boolean> =>
    (await call((stripe) => stripe.customers.retrieve(customer))).deleted === true;

  /** Also false for a customer that Stripe has never known. */
  const isKnownAsDeleted = async (customer: string): Promise<boolean> => {
    try {
      return await isDeleted(customer);
    } catch (error) {
      if (isMissing(error)) return false;
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
    /**
     * Creates the customer of a tenant.
     * @param name of the tenant, shown on invoices
     * @returns the id of the customer
     */
    createCustomer: (tenantId: string, name: string, idempotencyKey: string): Promise<string> =>
      call(async (stripe) => {
        const { id } = await stripe.customers.create({ name, metadata: { tenantId } }, { idempotencyKey });
        return id;
      }),

    /**
     * Reads the present state of a customer.
     * @throws StripeUnavailable
     * @throws StripeRefused
     * @throws UnknownToStripe
     */
    snapshot: async (customer: string, needs: Needs): Promise<StripeSnapshot> => {
      const deleted: StripeSnapshot = { deleted: true, subscriptions: [], invoices: [] };
      try {
        if (needs.customer && (await isDeleted(customer))) return deleted;
        const subscriptions = await subscriptionsOf(customer);
        const owes = subscriptions.some(({ status }) => status === 'past_due' || status === 'unpaid');
        const invoices = needs.invoices || owes ? await invoicesOf(customer) : [];
        return { deleted: false, subscriptions, invoices };
      } catch (error) {
        if (!isMissing(error)) throw error;
        // Only a customer that Stripe reports as deleted counts as deleted. A customer that Stripe has never known
        // belongs to another account, and its tenant must not lose its plan because of that.
        if (await isKnownAsDeleted(customer)) return deleted;
        throw new UnknownToStripe(customer, { cause: error });
      }
    },

    /** Whether the customer has a subscription that has begun and not ended. */
    hasSubscription: async (customer: string): Promise<boolean> =>
      (await subscriptionsOf(customer)).some(({ status }) => !hasEnded(status) && status !== 'incomplete'),

    /** The customer of a charge; null: Stripe knows no such charge, or it has no customer. @throws StripeUnavailable */
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
