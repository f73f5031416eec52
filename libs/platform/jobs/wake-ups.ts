import type { BulkJobOptions, Queue } from 'bullmq';
import { uuidv7 } from '../ids/uuid';
import type { Logger } from '../logging/logger.port';
import type { Health } from './health';
import type { JobMetrics } from './metrics';
import type { JobQueue, WakeUpOptions } from './port';

/** ms after which nobody waits for a nudge to be taken. */
const ADD_MS = 2_000;
/** ms after a failure in which no nudge is tried; then one is, and the others only once it was taken. */
const REST_MS = 1_000;
/** Nudges in one statement. */
const BATCH = 500;

/**
 * Each nudge is a job of its own id, so that none is taken for one that is done; what makes two the same is BullMQ's
 * deduplication, which keeps the last that came while one was active and adds it after.
 */
const asJob = <Data extends object>({ data, id = uuidv7(), delayMs = 0 }: { data: Data } & WakeUpOptions) => {
  const due = delayMs > 0 ? `${id} ${Math.ceil((Date.now() + delayMs) / 1_000)}` : id;
  const opts: BulkJobOptions = {
    jobId: uuidv7(),
    delay: Math.max(0, Math.ceil(delayMs)),
    deduplication: { id: due, keepLastIfActive: true },
  };
  return { name: 'nudge', data, opts };
};

/** Rejects if `work` takes longer. */
const within = async (ms: number, work: Promise<unknown>): Promise<void> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
};

export interface WakeUpsDeps {
  readonly health: Health;
  readonly logger: Logger;
  readonly metrics: JobMetrics;
}

export const createWakeUps = <Data extends object>(
  queue: Queue,
  { health, logger, metrics }: WakeUpsDeps,
): JobQueue<Data> => {
  /** While nudges fail each would cost its request the whole wait: `performance.now()` of the next try. */
  let nextTry: number | undefined;

  const give = async (jobs: ReturnType<typeof asJob<Data>>[]): Promise<void> => {
    if (nextTry !== undefined) {
      if (performance.now() < nextTry) return metrics.lost(queue.name, jobs.length);
      nextTry = Number.POSITIVE_INFINITY;
    }
    try {
      await within(ADD_MS, queue.addBulk(jobs));
      nextTry = undefined;
      health.worked();
    } catch (error) {
      nextTry = performance.now() + REST_MS;
      health.failed(error);
      metrics.lost(queue.name, jobs.length);
      logger.debug({ queue: queue.name, jobs: jobs.length }, 'jobs cannot be queued; the sweeper finds their rows');
    }
  };

  return {
    add: (data, options) => give([asJob({ data, ...options })]),
    addMany: async (many) => {
      for (let at = 0; at < many.length; at += BATCH) await give(many.slice(at, at + BATCH).map(asJob));
    },
  };
};
