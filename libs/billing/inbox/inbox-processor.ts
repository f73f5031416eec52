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
import { chargeOf, isOver, readDispute, translate, Untranslatable } from '../stripe-translation';
import { type ClaimedCustomer, type InboxStore, LEASE_SECONDS, type PendingEvent } from './inbox-store';
import { DISPUTED } from './stripe-event';

/** Customers that one process looks at at the same time. */
const AT_ONCE = 8;
/** ms for which what Stripe answered is acted upon: the customer is this worker's for a little longer than that. */
const BELIEVED_MS = (LEASE_SECONDS - 2) * 1_000;
/** ms of failures after which the events of a customer are put aside for an operator. */
const PATIENCE_MS = 24 * 3_600_000;
const PAUSE = { firstMs: 500, maxMs: 3_600_000 };

export interface InboxProcessorDeps {
  readonly store: InboxStore;
  readonly gateway: Pick<StripeGateway, 'snapshot' | 'cancelNow' | 'customerOfCharge'>;
  readonly catalogue: Catalogue;
  readonly logger: Logger;
  /** Undefined where the tenant is not open. */
  readonly accountOf: (tenantId: string) => Promise<BillingAccount | undefined>;
  /**
   * Lets the tenant become so, and tells whether it is open. @param cause Stripe's event, or what else asked for it
   * @param seen the account from before Stripe was asked @throws AccountChanged it is another one by now
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

/** What became of the work at one customer. */
export type CustomerOutcome = 'handled' | 'quarantined' | 'parked' | 'put-off';

const needsOf = (pending: readonly PendingEvent[], { reconcile }: ClaimedCustomer) => ({
  invoices: reconcile || pending.some(({ type }) => type.startsWith('invoice.')),
  customer: reconcile || pending.some(({ type }) => type === 'customer.deleted'),
});

/**
 * Handles customers of whom Stripe sent an event: reads their present state from Stripe, and brings their tenants to that state.
 * All events of a customer are handled by one look, in whatever order and however often they came: each says no more than
 * that there is something to see. At most one worker is at a customer; one that is killed gives it back by time.
 */
export const createInboxProcessor = (parts: InboxProcessorDeps) => {
  const { store, gateway, catalogue, logger, accountOf, follow, now } = parts;

  const look = async (
    work: ClaimedCustomer,
    pending: readonly PendingEvent[],
    until: number,
  ): Promise<CustomerOutcome> => {
    const tenantId = await store.tenantOf(work);
    if (tenantId === undefined) {
      await store.finish(work, pending, 'quarantined', 'its customer does not belong to a tenant of this server');
      return 'quarantined';
    }
    // From before Stripe is asked: another worker that takes the customer over asks later, and changes the account.
    const seen = await accountOf(tenantId);
    const snapshot = await gateway.snapshot(work.customerId, needsOf(pending, work));
    failpoint('billing.fetched');
    // Somebody else may have the customer by now, and know better.
    if (performance.now() > until) throw new Error('Stripe took too long to answer');
    await renew(work);
    // Stripe's clock may be ahead of ours: by a little, or by months where it is a test clock.
    const at = new Date(Math.max(now(), ...pending.map(({ createdAt }) => createdAt.getTime()))).toISOString();
    // Only where no webhook told it, or is on its way to.
    const reconciling = (work.reconcile || pending.length > 0) && pending.every(({ via }) => via === 'list');
    const disputes = pending.flatMap(({ type, payload }) =>
      type === DISPUTED && payload ? [readDispute(payload)] : [],
    );
    const facts = translate(snapshot, catalogue, { at, reconciling, disputes });
    const status = await follow(tenantId, facts, pending.at(-1)?.eventId ?? 'reconciliation', seen);
    if (status === 'closed') await endAll(snapshot);
    failpoint('billing.followed');
    if (snapshot.deleted && !(await store.forget(work))) throw lost(work);
    const finished = await store.finish(work, pending);
    failpoint('billing.finished');
    return finished ? 'handled' : 'put-off';
  };

  const lost = ({ customerId }: ClaimedCustomer): LeaseLost =>
    new LeaseLost(`another worker is processing the customer ${customerId}`);

  /** @throws LeaseLost */
  const renew = async (work: ClaimedCustomer): Promise<void> => {
    if (!(await store.renew(work))) throw lost(work);
  };

  /** A tenant that is closed pays no more. */
  const endAll = async ({ subscriptions }: StripeSnapshot): Promise<void> => {
    for (const { id, status } of subscriptions)
      if (!isOver(status)) await gateway.cancelNow(id, `tenantry-closed-${id}`);
  };

  /** Finds out whose the events are that do not say so. What Stripe could not be asked now is asked for later. */
  const nameAll = async (): Promise<void> => {
    for (const event of await store.nameless(AT_ONCE)) {
      try {
        await store.name(event, await gateway.customerOfCharge(chargeOf(event.payload)));
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const parked = await store.stayNameless(event, PATIENCE_MS, reason);
        logger.warn(
          { err: error, eventId: event.eventId, parked },
          'the customer of the charge could not be read from Stripe',
        );
        // Stripe is not available, it seems: customers are not to wait until each was asked for.
        return;
      }
    }
  };

  /** @param until what `performance.now()` says when the customer may be somebody else's */
  const one = async (work: ClaimedCustomer, until: number): Promise<CustomerOutcome> => {
    failpoint('billing.claimed');
    const pending = await store.pendingOf(work);
    try {
      return await look(work, pending, until);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (error instanceof LeaseLost) {
        logger.info({ customerId: work.customerId }, 'another worker has taken over the customer');
        return 'put-off';
      }
      if (error instanceof Untranslatable || error instanceof UnknownToStripe) {
        logger.warn(
          { reason, customerId: work.customerId },
          'the subscriptions of a customer at Stripe have no meaning for this server',
        );
        await store.finish(work, pending, 'quarantined', reason);
        return 'quarantined';
      }
      if ((work.failingMs ?? 0) > PATIENCE_MS && pending.length > 0) {
        logger.error({ err: error, customerId: work.customerId }, 'the events of a customer were parked');
        await store.finish(work, pending, 'parked', reason);
        return 'parked';
      }
      logger.warn(
        { reason, customerId: work.customerId },
        'a customer could not be processed; it is tried again later',
      );
      await store.putOff(work, backoff(work.attempts + 1, PAUSE));
      return 'put-off';
    }
  };

  return {
    /** Works until nobody is due. @returns what became of how many */
    drain: async (signal?: AbortSignal): Promise<Partial<Record<CustomerOutcome, number>>> => {
      const outcomes: Partial<Record<CustomerOutcome, number>> = {};
      const partition = async (): Promise<void> => {
        while (!signal?.aborted) {
          // From before the claim: the lease began no earlier.
          const until = performance.now() + BELIEVED_MS;
          const [work] = await store.claim(1);
          if (!work) return;
          const outcome = await one(work, until);
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        }
      };
      await nameAll();
      await Promise.all(Array.from({ length: AT_ONCE }, partition));
      return outcomes;
    },
  };
};

export type InboxProcessor = ReturnType<typeof createInboxProcessor>;
