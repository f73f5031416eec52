import type { StripeOutbox } from '#billing/outbox/stripe-outbox';
import type { Position } from '#event-log/port';
import { sleep } from '#platform/loops/backoff';
import type { BillingDeps } from '../billing-deps';

/** Maximum ms for which a request waits until a worker has applied the state at Stripe. */
const SYNC_MS = 3_000;
const SYNC_AFTER_CHECKOUT_MS = 1_000;
/** ms between two checks whether the worker has finished. */
const CHECK_MS = 15;

/** Applies the state at Stripe to a tenant before a request is answered, even if no webhook has arrived yet. */
export const createStripeSync = ({ gateway, outbox, wakeUp, catchUp }: BillingDeps) => {
  /** Requests that a worker applies the state at Stripe, and waits for it, at most `maxMs`. */
  const sync = async (tenantId: string, maxMs: number, isPending: StripeOutbox['isSyncPending']): Promise<void> => {
    await outbox.requestSync(tenantId);
    wakeUp();
    for (const end = Date.now() + maxMs; Date.now() < end && (await isPending(tenantId)); ) await sleep(CHECK_MS);
  };

  return {
    /**
     * Waits until the state at Stripe is applied to the tenant and the read models show it, three seconds at most for
     * the first.
     * @returns the position of the end of the log after that
     */
    syncNow: async (tenantId: string): Promise<Position> => {
      await sync(tenantId, SYNC_MS, outbox.isSyncPending);
      return catchUp();
    },

    /**
     * Does the same if a checkout page was requested for the tenant in the last hour, so that it may have been paid.
     * Waits for a second at most, and not while Stripe is not available.
     */
    syncAfterCheckout: async (tenantId: string): Promise<void> => {
      if (gateway?.isPaused() || !(await outbox.hasCheckedOut(tenantId))) return;
      await sync(tenantId, SYNC_AFTER_CHECKOUT_MS, outbox.isSyncPendingUnfailed);
      await catchUp();
    },
  };
};

export type StripeSync = ReturnType<typeof createStripeSync>;
