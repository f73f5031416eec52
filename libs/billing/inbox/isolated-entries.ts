import type { Pool } from 'pg';
import { isDataError } from '#platform/database/data-error';
import { takeIn, type Via } from './inbox-store';
import type { StripeEvent } from './stripe-event';

/** An entry that the database refuses, and what it said. */
export interface RefusedEntry {
  readonly told: StripeEvent;
  readonly error: unknown;
}

/**
 * Takes entries in, in one statement; where the database refuses that one, each entry in a statement of its own, so that a
 * bad entry fails alone.
 * @returns the entries that the database refuses
 * @throws what the database throws while it is not available; some entries may be taken in then
 */
export const takeInIsolated = async (pool: Pool, many: readonly StripeEvent[], via: Via): Promise<RefusedEntry[]> => {
  try {
    await takeIn(pool, many, via);
    return [];
  } catch (error) {
    if (!isDataError(error)) throw error;
    const [told, ...more] = many;
    if (told && more.length === 0) return [{ told, error }];
  }
  const refused: RefusedEntry[] = [];
  for (const told of many) refused.push(...(await takeInIsolated(pool, [told], via)));
  return refused;
};
