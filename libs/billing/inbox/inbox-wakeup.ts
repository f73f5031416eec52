import type { Jobs } from '#platform/jobs/port';
import { tokenClass } from '#platform/token-class';

/** The queue of nudges to look at the inbox. */
export const INBOX_QUEUE = 'billing-inbox';

/** The queue of nudges to read Stripe's own list of events. */
export const BACKFILL_QUEUE = 'billing-backfill';

/** Has what nobody was told read from Stripe's own list now, and every customer compared. */
export const requestBackfill = (jobs: Pick<Jobs, 'queue'>): Promise<void> =>
  jobs.queue(BACKFILL_QUEUE).add({}, { id: 'now' });

/** Wakes the workers that look at the inbox. */
export abstract class InboxWakeup extends tokenClass<() => void>() {}

/**
 * Tells the workers that there is something to look at. All callers that want that while one job is being queued share the
 * next one; what is lost, the schedule finds.
 */
export const createInboxWakeup = (jobs: Pick<Jobs, 'queue'>): InboxWakeup => {
  let [giving, again] = [false, false];
  const give = async (): Promise<void> => {
    giving = true;
    do {
      again = false;
      await jobs.queue(INBOX_QUEUE).add({}, { id: 'drain' });
    } while (again);
    giving = false;
  };
  return () => {
    if (giving) again = true;
    else void give();
  };
};
