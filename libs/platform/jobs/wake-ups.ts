import type { BulkJobOptions, Queue } from 'bullmq';
import { uuidv7 } from '../ids/uuid';
import type { Logger } from '../logging/logger.port';
import type { Health } from './health';
import type { JobMetrics } from './metrics';
import type { JobQueue, WakeUpOptions } from './port';

/** ms after which adding a wake-up counts as failed. */
const ADD_MS = 2_000;
/** ms after a failure in which nothing is sent. Then one call is sent, and the others only after it has succeeded. */
const REST_MS = 1_000;
/** Wake-ups in one statement. */
const BATCH = 500;

/**
 * Each wake-up is a job with a new id, so that BullMQ does not ignore it because of a job that is done. Wake-ups are
 * merged by BullMQ's deduplication, which keeps the last one that is added while one is active, and adds it afterwards.
 */
const asJob = <Data extends object>({ data, id = uuidv7(), delayMs = 0 }: { data: Data } & WakeUpOptions) => {
  const due = delayMs > 0 ? `${id} ${Math.ceil((Date.now() + delayMs) / 1_000)}` : id;
  const opts: BulkJobOptions = {
    jobId: uuidv7(),
    delay: Math.max(0, Math.ceil(delayMs)),
    deduplication: { id: due, keepLastIfActive: true },
  };
  return { name: 'wake-up', data, opts };
};

/** Rejects if `work` takes longer than `ms`. */
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
  /**
   * `performance.now()` of the next attempt after a failure; undefined while the queue works. Otherwise each request
   * would wait for ADD_MS while the server is not available.
   */
  let nextAttempt: number | undefined;

  const addJobs = async (jobs: ReturnType<typeof asJob<Data>>[]): Promise<void> => {
    if (nextAttempt !== undefined) {
      if (performance.now() < nextAttempt) return metrics.lost(queue.name, jobs.length);
      nextAttempt = Number.POSITIVE_INFINITY;
    }
    try {
      await within(ADD_MS, queue.addBulk(jobs));
      nextAttempt = undefined;
      health.worked();
    } catch (error) {
      nextAttempt = performance.now() + REST_MS;
      health.failed(error);
      metrics.lost(queue.name, jobs.length);
      logger.debug({ queue: queue.name, jobs: jobs.length }, 'jobs cannot be queued; the sweeper finds their rows');
    }
  };

  return {
    add: (data, options) => addJobs([asJob({ data, ...options })]),
    addMany: async (many) => {
      for (let at = 0; at < many.length; at += BATCH) await addJobs(many.slice(at, at + BATCH).map(asJob));
    },
  };
};
