import {
  BrokenCircuitError,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  wrap,
} from 'cockatiel';
import Stripe from 'stripe';
import { type Item, type LineChange, lineChanges } from './lines';
import { allPages } from './paging';
import type { Snapshot, StripeInvoice, StripeSubscription } from './snapshot';
import { isOver } from './translate';
import { StripeUnavailable } from './unavailable';

/** ms that one call may take. */
const TIMEOUT_MS = 5_000;
/** Calls in a row that fail until none is made for a while, and ms of that while. */
const BREAKER = { failures: 5, restMs: 5_000 };
const RETRY = { maxAttempts: 1, backoff: new ExponentialBackoff({ initialDelay: 100, maxDelay: 500 }) };

/** Stripe said no: the request is not one that it carries out. `code` is its own. */
export class StripeRefused extends Error {
  override readonly name = 'StripeRefused';
  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A customer of ours whom this Stripe has never had: the key is of another account than the customer. */
export class UnknownToStripe extends Error {
  override readonly name = 'UnknownToStripe';
  constructor(customer: string, options?: ErrorOptions) {
    super(`Stripe has never heard of ${customer}: is STRIPE_SECRET_KEY of another account?`, options);
  }
}

export interface StripeGatewayOptions {
  readonly secretKey: string;
  /** Where Stripe is, for one on loopback; Stripe's own address unless given. */
  readonly url?: string | undefined;
  readonly timeoutMs?: number;
}

/** What of a customer has to be looked at, beside its subscriptions. */
export interface Needs {
  readonly invoices: boolean;
  readonly customer: boolean;
}

/** Other lines from a moment on. */
export interface Change {
  readonly subscriptionId: string;
  readonly items: readonly LineChange[];
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

/** The ids that Stripe gives to charges. */
const CHARGE = /^(ch|py)_\w{1,250}$/;

/** Whether a key is one with which money moves. */
export const isLive = (secretKey: string): boolean => !/^(sk|rk)_test_/.test(secretKey);

const isAway = (error: Error): boolean =>
  error instanceof Stripe.errors.StripeConnectionError ||
  error instanceof Stripe.errors.StripeAPIError ||
  error instanceof Stripe.errors.StripeRateLimitError ||
  // The same request with the same key is still under way: its answer comes later.
  (error instanceof Stripe.errors.StripeError && error.statusCode === 409);

/** What Stripe threw, as those who ask have to know it. */
const translated = (error: unknown): unknown => {
  if (error instanceof BrokenCircuitError)
    return new StripeUnavailable('Stripe has failed too often', { cause: error });
  if (!(error instanceof Stripe.errors.StripeError)) return error;
  if (isAway(error) || error instanceof Stripe.errors.StripeAuthenticationError)
    return new StripeUnavailable(`Stripe is away: ${error.message}`, { cause: error });
  return new StripeRefused(error.code ?? error.type, error.message, { cause: error });
};

const isGone = (error: unknown): boolean => error instanceof StripeRefused && error.code === 'resource_missing';

const clientFor = ({ secretKey, url, timeoutMs = TIMEOUT_MS }: StripeGatewayOptions): Stripe => {
  const common = { timeout: timeoutMs, maxNetworkRetries: 0, telemetry: false };
  if (url === undefined) return new Stripe(secretKey, common);
  const { hostname, port, protocol } = new URL(url);
  const at = { host: hostname, port: port || (protocol === 'https:' ? 443 : 80) };
  return new Stripe(secretKey, { ...common, ...at, protocol: protocol === 'https:' ? 'https' : 'http' });
};

/**
 * The one way to Stripe. Each call has a bound, is repeated once with jitter where Stripe was away (every write has an
 * idempotency key, so that a repeat is the same request), and none is made for a while after several have failed.
 */
export const createStripeGateway = (options: StripeGatewayOptions) => {
  const stripe = clientFor(options);
  const away = handleWhen(isAway);
  const breaker = circuitBreaker(away, {
    ...{ halfOpenAfter: BREAKER.restMs, breaker: new ConsecutiveBreaker(BREAKER.failures) },
  });
  const policy = wrap(retry(away, RETRY), breaker);
  const call = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await policy.execute(work);
    } catch (error) {
      throw translated(error);
    }
  };

  const invoicesOf = async (customer: string): Promise<readonly StripeInvoice[]> =>
    allPages((page) => call(() => stripe.invoices.list({ customer, ...page })));

  const isDeleted = async (customer: string): Promise<boolean> =>
    (await call(() => stripe.customers.retrieve(customer))).deleted === true;

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
      call(() => stripe.subscriptions.list({ ...list, ...page, expand: ['data.latest_invoice'] })),
    );
  };

  /** Of one subscription, the oldest first: one that is paid before what came after it leaves no debt behind. */
  const owedOf = async (subscription: string): Promise<Owed[]> => {
    const open = await allPages((page) => call(() => stripe.invoices.list({ subscription, status: 'open', ...page })));
    return open
      .flatMap(({ id, attempt_count, amount_remaining: amount }) => (id && attempt_count > 0 ? [{ id, amount }] : []))
      .reverse();
  };

  /** One that was paid meanwhile, or that nobody waits for any more, is no debt. */
  const payInvoice = async (id: string, idempotencyKey: string): Promise<void> => {
    try {
      await call(() => stripe.invoices.pay(id, {}, { idempotencyKey }));
    } catch (error) {
      if (!(error instanceof StripeRefused)) throw error;
      if ((await call(() => stripe.invoices.retrieve(id))).status === 'open') throw error;
    }
  };

  /** The lines as they are, turned into those that are wanted. */
  const itemsFor = async (subscriptionId: string, wanted: readonly Item[]): Promise<LineChange[]> => {
    const { items } = await call(() => stripe.subscriptions.retrieve(subscriptionId));
    return lineChanges(items.data, wanted);
  };

  return {
    /** Whether it has failed so often that no call is made for a while. */
    isResting: (): boolean => breaker.state === CircuitState.Open,
    itemsFor,
    owedOf,
    /** What Stripe has of a customer now. @throws StripeUnavailable @throws UnknownToStripe */
    snapshot: async (customer: string, needs: Needs): Promise<Snapshot> => {
      const gone: Snapshot = { deleted: true, subscriptions: [], invoices: [] };
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

    /** @param name of the company: what its invoices say */
    createCustomer: (tenantId: string, name: string, idempotencyKey: string): Promise<string> =>
      call(async () => (await stripe.customers.create({ name, metadata: { tenantId } }, { idempotencyKey })).id),

    /** @returns the page to send the owner to */
    createCheckout: (
      wanted: {
        readonly customer: string;
        readonly items: readonly Item[];
        readonly successUrl: string;
        readonly cancelUrl: string;
      },
      idempotencyKey: string,
    ): Promise<{ id: string; url: string }> =>
      call(async () => {
        const { customer, items, successUrl, cancelUrl } = wanted;
        const { id, url } = await stripe.checkout.sessions.create(
          { mode: 'subscription', customer, line_items: [...items], success_url: successUrl, cancel_url: cancelUrl },
          { idempotencyKey },
        );
        if (url === null) throw new StripeUnavailable('Stripe made a checkout without a page');
        return { id, url };
      }),

    createPortal: (customer: string, returnUrl: string, idempotencyKey: string): Promise<string> =>
      call(
        async () =>
          (await stripe.billingPortal.sessions.create({ customer, return_url: returnUrl }, { idempotencyKey })).url,
      ),

    /** What a change would cost. @param at seconds */
    preview: async (subscriptionId: string, wanted: readonly Item[], at: number): Promise<Preview> => {
      const [items, owed] = await Promise.all([itemsFor(subscriptionId, wanted), owedOf(subscriptionId)]);
      const overdue = owed.reduce((sum, { amount }) => sum + amount, 0);
      const { amount_due, total, currency, lines } = await call(() =>
        stripe.invoices.createPreview({
          subscription: subscriptionId,
          subscription_details: { items, proration_date: at, proration_behavior: 'always_invoice' },
        }),
      );
      const prices = await Promise.all(wanted.map(({ price }) => call(() => stripe.prices.retrieve(price))));
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
      await call(() => stripe.subscriptions.update(subscriptionId, wanted, { idempotencyKey }));
    },

    /** Ends it at once; one that is over already stays so. */
    cancelNow: async (subscriptionId: string, idempotencyKey: string): Promise<void> => {
      try {
        await call(() => stripe.subscriptions.cancel(subscriptionId, {}, { idempotencyKey }));
      } catch (error) {
        if (!isGone(error)) throw error;
      }
    },

    /** Whose charge it is; null: nobody's that Stripe knows. */
    customerOfCharge: async (chargeId: string): Promise<string | null> => {
      if (!CHARGE.test(chargeId)) return null;
      try {
        const { customer } = await call(() => stripe.charges.retrieve(chargeId));
        return typeof customer === 'string' ? customer : (customer?.id ?? null);
      } catch (error) {
        if (error instanceof StripeRefused) return null;
        throw error;
      }
    },

    /**
     * Closes every page of checkout that the customer has open but this one: of two that are paid, both would be charged.
     * @returns false where another one was paid just now
     */
    expireOthers: async (customer: string, sessionId: string): Promise<boolean> => {
      const { data } = await call(() => stripe.checkout.sessions.list({ customer, status: 'open', limit: 100 }));
      let all = true;
      for (const { id } of data) {
        if (id === sessionId) continue;
        try {
          await call(() => stripe.checkout.sessions.expire(id));
        } catch (error) {
          if (!(error instanceof StripeRefused)) throw error;
          all = false;
        }
      }
      return all;
    },

    /** Whether the customer has a subscription that is charged for. */
    hasSubscription: async (customer: string): Promise<boolean> =>
      (await subscriptionsOf(customer)).some(({ status }) => !isOver(status) && status !== 'incomplete'),

    /** Closes a page of checkout; one that is closed already stays so. */
    expire: async (sessionId: string): Promise<void> => {
      try {
        await call(() => stripe.checkout.sessions.expire(sessionId));
      } catch (error) {
        if (!(error instanceof StripeRefused)) throw error;
      }
    },

    /** Events since then, the newest first, a page at a time. @param since seconds */
    events: async function* (since: number): AsyncGenerator<readonly string[]> {
      let after: string | undefined;
      for (;;) {
        const page = await call(() =>
          stripe.events.list({ limit: 100, created: { gte: since }, ...(after && { starting_after: after }) }),
        );
        yield page.data.map((event) => JSON.stringify(event));
        after = page.data.at(-1)?.id;
        if (!page.has_more || after === undefined) return;
      }
    },
  };
};

export type StripeGateway = ReturnType<typeof createStripeGateway>;
