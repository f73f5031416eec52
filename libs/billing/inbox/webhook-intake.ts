import type { Pool } from 'pg';
import { takeInIsolated } from './isolated-entries';
import type { StripeEvent } from './stripe-event';

/** Events of one statement at most. */
const AT_ONCE = 500;
/** Events that wait at most. Stripe tells those again that are turned away. */
const MAX_WAITING = 10_000;

/** Come again later. */
export class IntakeFull extends Error {
  override readonly name = 'TooMuchToTakeIn';
}

interface Waiting {
  readonly told: StripeEvent;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Takes webhooks in durably, those of all requests together: while one statement commits, the next ones gather. Resolves
 * once its own is committed, and only then may Stripe be told so.
 */
export const createWebhookIntake = (pool: Pool, onTaken: () => void) => {
  const waiting: Waiting[] = [];
  let running = false;

  const take = async (batch: readonly Waiting[]): Promise<void> => {
    const entries = batch.map(({ told }) => told);
    const refused = new Map((await takeInIsolated(pool, entries, 'webhook')).map(({ told, error }) => [told, error]));
    for (const { told, resolve, reject } of batch) {
      if (refused.has(told)) reject(refused.get(told));
      else resolve();
    }
    if (entries.some((told) => told.state === 'pending' && !refused.has(told))) onTaken();
  };

  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, AT_ONCE);
      try {
        await take(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  };

  return (told: StripeEvent): Promise<void> =>
    new Promise((resolve, reject) => {
      if (waiting.length >= MAX_WAITING) return reject(new IntakeFull('too many webhooks are waiting to be stored'));
      waiting.push({ told, resolve, reject });
      if (!running) void run();
    });
};

export type WebhookIntake = ReturnType<typeof createWebhookIntake>;
