import type { Jobs } from '#platform/jobs/port';
import { tokenClass } from '#platform/token-class';

/** The queue of jobs that process the inbox. */
export const INBOX_QUEUE = 'billing-inbox';

/** The queue of jobs that read Stripe's own list of events. */
export const BACKFILL_QUEUE = 'billing-backfill';

/** Makes a worker read Stripe's own list of events now, and compare every customer with Stripe. Never rejects. */
export const requestBackfill = (jobs: Pick<Jobs, 'queue'>): Promise<void> =>
  jobs.queue(BACKFILL_QUEUE).add({}, { id: 'now' });

/** Wakes the workers that process the inbox. */
export abstract class InboxWakeup extends tokenClass<() => void>() {}

/**
 * The returned function queues a job that processes the inbox. All calls that come while one job is being queued share
 * the next job. A job that is lost only delays the work: the workers also check the inbox every two seconds.
 */
export const createInboxWakeup = (jobs: Pick<Jobs, 'queue'>): InboxWakeup => {
  let [queueing, again] = [false, false];
  const queue = async (): Promise<void> => {
    queueing = true;
    do {
      again = false;
      await jobs.queue(INBOX_QUEUE).add({}, { id: 'drain' });
    } while (again);
    queueing = false;
  };
  return () => {
    if (queueing) again = true;
    else void queue();
  };
};
