import type { Pool } from 'pg';
import type { StripeGateway } from '../stripe/stripe-gateway';
import type { InboxStore } from './inbox-store';
import { takeInIsolated } from './isolated-entries';
import { type Mode, readStripeEvent, refusedStripeEvent } from './stripe-event';

/** Seconds before the end of what was read last: those that came out of order are looked for, too. */
const OVERLAP = 3_600;
/** Seconds that are read for the first time. Stripe keeps its events for thirty days. */
const FAR_BACK = 7 * 86_400;

export interface BackfillDeps {
  readonly pool: Pool;
  readonly store: Pick<InboxStore, 'listedUntil' | 'noteListed'>;
  readonly gateway: Pick<StripeGateway, 'events'>;
  readonly mode: Mode;
}

/**
 * Reads what Stripe has told while nobody listened: its own list of events, from a while before the end of the last
 * reading that came to its end. An entry that the database refuses is quarantined alone. Webhooks that came since say nothing about those before them. What is known changes nothing.
 * @returns how many events were read
 */
export const backfill = async ({ pool, store, gateway, mode }: BackfillDeps, now = Date.now()): Promise<number> => {
  const listed = await store.listedUntil();
  const since = listed ? listed.getTime() / 1_000 - OVERLAP : now / 1_000 - FAR_BACK;
  let [read, newest] = [0, 0];
  for await (const page of gateway.events(Math.floor(since))) {
    if (page.length === 0) continue;
    const told = page.map((payload) => readStripeEvent(payload, mode));
    const refused = await takeInIsolated(pool, told, 'list');
    // The list is not read from here again, so what the database refuses is shown to an operator.
    if (refused.length > 0)
      await takeInIsolated(
        pool,
        refused.map((entry) => refusedStripeEvent(entry.told, mode)),
        'list',
      );
    read += page.length;
    newest = Math.max(newest, ...told.map(({ createdAt }) => createdAt.getTime()));
  }
  if (newest > 0) await store.noteListed(new Date(newest));
  return read;
};
