import type { Pool } from 'pg';
import { storeEventsIsolated } from './isolated-entries';
import type { StripeEvent } from './stripe-event';

/** Maximum number of events in one statement. */
const BATCH = 500;
/** Maximum number of events that wait to be stored. Stripe sends a refused event again later. */
const MAX_WAITING = 10_000;

/** Too many events wait to be stored. Stripe has to send the event again later. */
export class IntakeFull extends Error {
  override readonly name = 'IntakeFull';
}

interface WaitingEvent {
  readonly event: StripeEvent;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Stores the events of webhooks, from several requests in one statement: while a statement commits, the next events are
 * collected. The promise of an event resolves when the event is committed; only then may the request be answered with
 * 200. It rejects with {@link IntakeFull}, or with the error of the database.
 * @param pool connects as the app role or as the projector
 * @param onStored called after each statement that stored an event to process
 */
export const createWebhookIntake = (pool: Pool, onStored: () => void) => {
  const waiting: WaitingEvent[] = [];
  let running = false;

  const store = async (batch: readonly WaitingEvent[]): Promise<void> => {
    const events = batch.map(({ event }) => event);
    const refused = new Map(
      (await storeEventsIsolated(pool, events, 'webhook')).map(({ event, error }) => [event, error]),
    );
    for (const { event, resolve, reject } of batch) {
      if (refused.has(event)) reject(refused.get(event));
      else resolve();
    }
    if (events.some((event) => event.state === 'pending' && !refused.has(event))) onStored();
  };

  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, BATCH);
      try {
        await store(batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = false;
  };

  return (event: StripeEvent): Promise<void> =>
    new Promise((resolve, reject) => {
      if (waiting.length >= MAX_WAITING) return reject(new IntakeFull('too many webhooks are waiting to be stored'));
      waiting.push({ event, resolve, reject });
      if (!running) void run();
    });
};

export type WebhookIntake = ReturnType<typeof createWebhookIntake>;
