import type { Pool } from 'pg';
import type { StripeGateway } from '../stripe/stripe-gateway';
import type { InboxStore } from './inbox-store';
import { storeEventsIsolated } from './isolated-entries';
import { type Mode, readStripeEvent, refusedStripeEvent } from './stripe-event';

/** Seconds by which two readings of the list overlap, because Stripe may list an event later than a newer one. */
const OVERLAP = 3_600;
/** Seconds before now at which the first reading starts. Stripe keeps its events for thirty days. */
const FIRST_READING = 7 * 86_400;

export interface BackfillDeps {
  readonly pool: Pool;
  readonly store: Pick<InboxStore, 'listedUntil' | 'noteListed'>;
  readonly gateway: Pick<StripeGateway, 'events'>;
  readonly mode: Mode;
}

/**
 * Reads Stripe's own list of events and stores those for which no webhook arrived. It starts an hour before the newest
 * event of the last reading that was complete. A webhook that arrived since then does not move this start, because it
 * does not prove that the webhooks before it arrived, too. Events that are stored already change nothing. An event that
 * the database refuses is quarantined, and the others are stored.
 * @param now ms since 1970; a later time of an event does not move the start of the next reading beyond it
 * @returns the number of events that were read
 * @throws StripeUnavailable @throws StripeRefused the next call starts from the same time again
 */
export const backfill = async ({ pool, store, gateway, mode }: BackfillDeps, now = Date.now()): Promise<number> => {
  const listed = await store.listedUntil();
  const since = listed ? listed.getTime() / 1_000 - OVERLAP : now / 1_000 - FIRST_READING;
  let [read, newest] = [0, 0];
  for await (const page of gateway.events(Math.floor(since))) {
    if (page.length === 0) continue;
    const events = page.map((payload) => readStripeEvent(payload, mode));
    const refused = await storeEventsIsolated(pool, events, 'list');
    // This part of the list is not read again, so a refused event is stored in a form that an operator can see.
    if (refused.length > 0)
      await storeEventsIsolated(
        pool,
        refused.map(({ event }) => refusedStripeEvent(event, mode)),
        'list',
      );
    read += page.length;
    newest = Math.max(newest, ...events.map(({ createdAt }) => createdAt.getTime()));
  }
  // Events of a Stripe test clock can have a time in the future. A reading from there would miss ordinary events.
  if (newest > 0) await store.noteListed(new Date(Math.min(newest, now)));
  return read;
};
