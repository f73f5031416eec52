import type { StripeOutbox } from '#billing/outbox/stripe-outbox';
import type { Position } from '#event-log/port';
import { sleep } from '#platform/loops/backoff';
import type { BillingDeps } from '../billing-deps';

/** ms that an answer waits for the worker that looks at what Stripe has. */
const LOOK_MS = 3_000;
const LOOK_AT_CHECKOUT_MS = 1_000;
const LOOK_EVERY_MS = 15;

/** What Stripe has is made so here before the answer, whether or not a webhook has told it yet. */
export const createStripeSync = ({ gateway, calls, nudge, settled }: BillingDeps) => {
  /** Asks the workers to look at what Stripe has, and waits for them. */
  const look = async (tenantId: string, ms: number, isAtWork: StripeOutbox['isAtWork']): Promise<void> => {
    await calls.ask(tenantId);
    nudge();
    for (const end = Date.now() + ms; Date.now() < end && (await isAtWork(tenantId)); ) await sleep(LOOK_EVERY_MS);
  };

  return {
    /** Asks for a look, and waits until what came of it can be read, for a bounded time. @returns where the log is then */
    lookAndSee: async (tenantId: string): Promise<Position> => {
      await look(tenantId, LOOK_MS, calls.isAtWork);
      return settled();
    },

    /** The same for anyone who has gone to pay and may have: not for long, and not while Stripe is not available. */
    lookAtCheckout: async (tenantId: string): Promise<void> => {
      if (gateway?.isResting() || !(await calls.hasCheckedOut(tenantId))) return;
      await look(tenantId, LOOK_AT_CHECKOUT_MS, calls.isWellAtWork);
      await settled();
    },
  };
};

export type StripeSync = ReturnType<typeof createStripeSync>;
