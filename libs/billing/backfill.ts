import type { Pool } from 'pg';
import { type InboxStore, takeIn } from './inbox-store';
import type { StripeGateway } from './stripe-gateway';
import { type Mode, readTold } from './told';

/** Seconds before the newest event that is known: those that came out of order are looked for, too. */
const OVERLAP = 3_600;
/** Stripe keeps events for thirty days; it is asked for so many seconds where nothing is known. */
const FAR_BACK = 7 * 86_400;

export interface BackfillParts {
  readonly pool: Pool;
  readonly store: InboxStore;
  readonly gateway: Pick<StripeGateway, 'events'>;
  readonly mode: Mode;
}

/**
 * Reads what Stripe has told while nobody listened: its own list of events, from a while before the newest that is known.
 * What is known changes nothing.
 * @returns how many events were read
 */
export const backfill = async ({ pool, store, gateway, mode }: BackfillParts, now = Date.now()): Promise<number> => {
  const newest = await store.newest(mode.livemode);
  const since = newest ? newest.getTime() / 1_000 - OVERLAP : now / 1_000 - FAR_BACK;
  let read = 0;
  for await (const page of gateway.events(Math.floor(since))) {
    if (page.length === 0) continue;
    await takeIn(
      pool,
      page.map((payload) => readTold(payload, mode)),
    );
    read += page.length;
  }
  return read;
};
