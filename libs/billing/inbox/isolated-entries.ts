import type { Pool } from 'pg';
import { isDataError } from '#platform/database/data-error';
import type { Via } from './customer-queue';
import { storeEvents } from './inbox-store';
import type { StripeEvent } from './stripe-event';

/** An event that the database refuses, and the database's error. */
export interface RefusedEntry {
  readonly event: StripeEvent;
  readonly error: unknown;
}

/**
 * Stores events in one statement. If the database refuses that statement, each event is stored in a statement of its
 * own, so that only the bad event fails.
 * @returns the events that the database refuses
 * @throws the error of a database that is not available; some events may be stored then
 */
export const storeEventsIsolated = async (
  pool: Pool,
  events: readonly StripeEvent[],
  via: Via,
): Promise<RefusedEntry[]> => {
  try {
    await storeEvents(pool, events, via);
    return [];
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [event, ...others] = events;
    if (event && others.length === 0) return [{ event, error }];
  }
  const refused: RefusedEntry[] = [];
  for (const event of events) refused.push(...(await storeEventsIsolated(pool, [event], via)));
  return refused;
};
