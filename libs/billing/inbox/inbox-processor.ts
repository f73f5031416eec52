import type { BillingAccount } from '#domain/tenant/billing-account';
import type { BillingFacts } from '#domain/tenant/billing-facts';
import type { Tenant } from '#domain/tenant/evolve';
import type { Catalogue } from '#plans/catalogue/index';
import { failpoint } from '#platform/failpoints';
import { LeaseLost } from '#platform/lease/held-lease';
import type { Logger } from '#platform/logging/logger.port';
import { backoff } from '#platform/loops/backoff';
import { UnknownToStripe } from '../stripe/customers';
import type { StripeGateway } from '../stripe/stripe-gateway';
import type { StripeSnapshot } from '../stripe-snapshot';
import { chargeOf, hasEnded, readDispute, translate, Untranslatable } from '../stripe-translation';
import { type ClaimedCustomer, LEASE_SECONDS, type PendingEvent } from './customer-queue';
import type { InboxStore } from './inbox-store';
import { DISPUTED } from './stripe-event';

/** Customers that one process works on at the same time. */
const AT_ONCE = 8;
/** ms after the claim within which Stripe's answer may be used. The lease of the customer lasts two seconds longer. */
const ANSWER_MS = (LEASE_SECONDS - 2) * 1_000;
/** ms of failures after which the events of a customer are parked for an operator. */
const PATIENCE_MS = 24 * 3_600_000;
const PAUSE = { firstMs: 500, maxMs: 3_600_000 };

export interface InboxProcessorDeps {
  readonly store: InboxStore;
  readonly gateway: Pick<StripeGateway, 'snapshot' | 'cancelNow' | 'customerOfCharge'>;
  readonly catalogue: Catalogue;
  readonly logger: Logger;
  /** The billing account of a tenant; undefined: the tenant is not open. */
  readonly accountOf: (tenantId: string) => Promise<BillingAccount | undefined>;
  /**
   * Brings the tenant to the state that Stripe reports.
   * @param cause the id of Stripe's event, or `reconciliation`
   * @param seen the account as it was before Stripe was queried
   * @returns the status of the tenant
   * @throws AccountChanged the account has changed since then
   */
  readonly follow: (
    tenantId: string,
    facts: BillingFacts,
    cause: string,
    seen: BillingAccount | undefined,
  ) => Promise<Tenant['status']>;
  /** The database's time, in ms since 1970. */
  readonly now: () => number;
}

/** The result of the work on one customer. `put-off`: it is processed again later. */
export type CustomerOutcome = 'handled' | 'quarantined' | 'parked' | 'put-off';

const needsOf = (pending: readonly PendingEvent[], { reconcile }: ClaimedCustomer) => ({
  invoices: reconcile || pending.some(({ type }) => type.startsWith('invoice.')),
  customer: reconcile || pending.some(({ type }) => type === 'customer.deleted'),
});

/**
 * Processes customers for whom Stripe sent an event: reads their present state from Stripe, and brings their tenants to
 * that state. One reading handles all pending events of a customer, in whatever order and however often they came,
 * because each event only means that something has changed. At most one worker works on a customer; when a worker is
 * killed, its lease ends and another worker continues.
 */
export const createInboxProcessor = (deps: InboxProcessorDeps) => {
  const { store, gateway, catalogue, logger, accountOf, follow, now } = deps;

  const processEvents = async (
    customer: ClaimedCustomer,
    pending: readonly PendingEvent[],
    until: number,
  ): Promise<CustomerOutcome> => {
    const tenantId = await store.tenantOf(customer);
    if (tenantId === undefined) {
      await store.finish(customer, pending, 'quarantined', 'its customer does not belong to a tenant of this server');
      return 'quarantined';
    }
    // Read before Stripe is queried: if another worker takes over the customer, it queries Stripe later than this
    // worker and may change the account. Then the command of this worker is refused.
    const seen = await accountOf(tenantId);
    const snapshot = await gateway.snapshot(customer.customerId, needsOf(pending, customer));
    failpoint('billing.fetched');
    // The lease may end soon, and another worker may then have a newer answer of Stripe.
    if (performance.now() > until) throw new Error('Stripe took too long to answer');
    await renew(customer);
    // Stripe's clock may be ahead of this server's: by a little, or by months in the case of a test clock.
    const at = new Date(Math.max(now(), ...pending.map(({ createdAt }) => createdAt.getTime()))).toISOString();
    // A change counts as a correction only if no webhook reported it.
    const reconciling = (customer.reconcile || pending.length > 0) && pending.every(({ via }) => via === 'list');
    const disputes = pending.flatMap(({ type, payload }) =>
      type === DISPUTED && payload ? [readDispute(payload)] : [],
    );
    const facts = translate(snapshot, catalogue, { at, reconciling, disputes });
    const status = await follow(tenantId, facts, pending.at(-1)?.eventId ?? 'reconciliation', seen);
    if (status === 'closed') await cancelAll(snapshot);
    failpoint('billing.followed');
    if (snapshot.deleted && !(await store.forget(customer))) throw leaseLost(customer);
    const finished = await store.finish(customer, pending);
    failpoint('billing.finished');
    return finished ? 'handled' : 'put-off';
  };

  const leaseLost = ({ customerId }: ClaimedCustomer): LeaseLost =>
    new LeaseLost(`another worker is processing the customer ${customerId}`);

  /** @throws LeaseLost */
  const renew = async (customer: ClaimedCustomer): Promise<void> => {
    if (!(await store.renew(customer))) throw leaseLost(customer);
  };

  /** Ends the subscriptions of a closed tenant, so that it pays nothing more. */
  const cancelAll = async ({ subscriptions }: StripeSnapshot): Promise<void> => {
    for (const { id, status } of subscriptions)
      if (!hasEnded(status)) await gateway.cancelNow(id, `tenantry-closed-${id}`);
  };

  /** Reads the customers of events that do not name one from Stripe. The next call tries a failed event again. */
  const findCustomers = async (): Promise<void> => {
    for (const event of await store.withoutCustomer(AT_ONCE)) {
      try {
        await store.setCustomer(event, await gateway.customerOfCharge(chargeOf(event.payload)));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const parked = await store.noteCustomerUnknown(event, PATIENCE_MS, reason);
        logger.warn(
          { err: error, eventId: event.eventId, parked },
          'the customer of the charge could not be read from Stripe',
        );
        // Stripe is probably not available. The customers that are due must not wait for more failing requests.
        return;
      }
    }
  };

  /** @param until the value of `performance.now()` after which Stripe's answer must not be used */
  const processCustomer = async (customer: ClaimedCustomer, until: number): Promise<CustomerOutcome> => {
    failpoint('billing.claimed');
    const pending = await store.pendingOf(customer);
    try {
      return await processEvents(customer, pending, until);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof LeaseLost) {
        logger.info({ customerId: customer.customerId }, 'another worker has taken over the customer');
        return 'put-off';
      }
      if (error instanceof Untranslatable || error instanceof UnknownToStripe) {
        logger.warn(
          { reason, customerId: customer.customerId },
          'the state of a customer at Stripe cannot be understood; the events of the customer were quarantined',
        );
        await store.finish(customer, pending, 'quarantined', reason);
        return 'quarantined';
      }
      if ((customer.failingMs ?? 0) > PATIENCE_MS && pending.length > 0) {
        logger.error({ err: error, customerId: customer.customerId }, 'the events of a customer were parked');
        await store.finish(customer, pending, 'parked', reason);
        return 'parked';
      }
      logger.warn(
        { reason, customerId: customer.customerId },
        'a customer could not be processed; it is tried again later',
      );
      await store.putOff(customer, backoff(customer.attempts + 1, PAUSE));
      return 'put-off';
    }
  };

  return {
    /** Processes customers until none is due or the signal aborts. @returns how many customers had each outcome */
    drain: async (signal?: AbortSignal): Promise<Partial<Record<CustomerOutcome, number>>> => {
      const outcomes: Partial<Record<CustomerOutcome, number>> = {};
      const loop = async (): Promise<void> => {
        while (!signal?.aborted) {
          // Measured before the claim, because the lease begins at some time during the claim.
          const until = performance.now() + ANSWER_MS;
          const [customer] = await store.claim(1);
          if (!customer) return;
          const outcome = await processCustomer(customer, until);
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        }
      };
      await findCustomers();
      await Promise.all(Array.from({ length: AT_ONCE }, loop));
      return outcomes;
    },
  };
};

export type InboxProcessor = ReturnType<typeof createInboxProcessor>;
