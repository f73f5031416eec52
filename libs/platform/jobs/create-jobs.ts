import type { Job, Queue, Worker } from 'bullmq';
import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import { uuidv7 } from '../ids/uuid';
import type { Logger } from '../logging/logger.port';
import { sleep } from '../loops/backoff';
import { createHealth } from './health';
import { createJobMetrics } from './metrics';
import type { Handler, Jobs, WorkOptions } from './port';
import { createRunner } from './runner';
import { createScheduler } from './schedule';
import { createScheduleStore } from './schedule-store';
import type { Transport } from './transport';
import { createWakeUps } from './wake-ups';

export interface JobsOptions {
  readonly transport: (onError: (error: unknown) => void) => Transport;
  /** Connects as the projector. The leases of schedules are always in PostgreSQL, also if the queues are in Redis. */
  readonly schedules: Pool;
  readonly registry: Registry;
  readonly logger: Logger;
  /** ms that `close` waits for running handlers before it aborts their signals. */
  readonly graceMs: number;
  /** ms after which a job goes to another worker if its worker has not renewed its claim; 15,000 by default. */
  readonly claimMs?: number;
}

/** Failed jobs that are kept for the dashboard: at most `count`, for at most `age` seconds. */
const KEPT_FAILURES = { count: 500, age: 7 * 86_400 };
/** ms between two corrections of times that a process with a fast clock has written. */
const HEAL_MS = 60_000;
/** Runs of each schedule that are kept for the dashboard. */
const KEPT_RUNS = 20;
/** Events of BullMQ that are kept for each queue. The product does not read them. */
const KEPT_EVENTS = 100;
/** ms for handlers to end after their signals were aborted, and ms for closing the connections. */
const END_MS = 1_000;

/**
 * Jobs with BullMQ. A failed job is never retried: it is only a wake-up, and the row that it names stores when it is
 * tried again.
 */
export const createJobs = (options: JobsOptions): Jobs & { readonly allQueues: () => Promise<Queue[]> } => {
  const { logger, claimMs = 15_000 } = options;
  const health = createHealth(logger);
  const metrics = createJobMetrics(options.registry);
  const runner = createRunner({ logger, metrics });
  const transport = options.transport(health.failed);
  const stopping = new AbortController();
  const queues = new Map<string, Queue>();
  const workers: Worker[] = [];
  const runningSchedules: Promise<void>[] = [];

  const heal = async (): Promise<void> => {
    while (transport.heal && !stopping.signal.aborted) {
      await sleep(HEAL_MS, stopping.signal);
      if (!stopping.signal.aborted) await transport.heal().catch(health.failed);
    }
  };

  const queueNamed = (name: string): Queue => {
    const known = queues.get(name);
    if (known) return known;
    if (!/^[a-z][a-z0-9-]*$/.test(name))
      throw new Error(`"${name}" is not a valid queue name; use a letter, then a-z, 0-9 and -`);
    const queue = transport.queue(name, {
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: KEPT_FAILURES, stackTraceLimit: 1 },
      streams: { events: { maxLen: KEPT_EVENTS } },
    });
    queue.on('error', health.failed);
    if (queues.size === 0) {
      void metrics.watch(() => queues.values(), health, stopping.signal);
      void heal();
    }
    queues.set(name, queue);
    return queue;
  };

  const startWorker = (name: string, process: (job: Job) => Promise<void>, concurrency: number): void => {
    // So that the metrics and the dashboard include the queue.
    queueNamed(name);
    const worker = transport.worker(name, process, {
      concurrency,
      lockDuration: claimMs,
      stalledInterval: claimMs,
      maxStalledCount: 2,
      // Seconds between two polls without a notification, and ms between two attempts while the server is not
      // available.
      drainDelay: 5,
      runRetryDelay: 1_000,
    });
    worker.on('error', health.failed);
    worker.on('failed', (job, error) => {
      // Only failures of BullMQ itself: the runner logs the failures of handlers.
      if (error.name === 'UnrecoverableError') logger.warn({ err: error, queue: name, job: job?.id }, 'a job failed');
    });
    workers.push(worker);
  };
  const work = <Data extends object>(name: string, handler: Handler<Data>, limits: WorkOptions): void =>
    startWorker(name, runner.processor(name, handler, limits.timeoutMs), limits.concurrency);

  /** Adds a job for each run of a schedule that has ended, because the dashboard shows only jobs. */
  const addRunJob = (name: string, slot: Date, failure: string | undefined): void => {
    const jobId = uuidv7();
    // With a deduplication id, because BullMQ adds jobs without one in a way for which the role lacks rights
    // (sequences).
    const opts = { jobId, deduplication: { id: jobId }, removeOnComplete: { count: KEPT_RUNS } };
    queueNamed(name)
      .addBulk([{ name: 'run', data: { slot: slot.toISOString(), failure }, opts }])
      .catch(health.failed);
  };
  /** Ends the job of a run as the run has ended. */
  const processRunJob = async ({ data }: Job): Promise<void> => {
    if (data.failure) throw new Error(data.failure);
  };
  const scheduler = createScheduler({
    store: createScheduleStore(options.schedules),
    ...{ runner, logger, onRun: addRunJob },
  });

  const close = async (): Promise<void> => {
    stopping.abort();
    const done = new AbortController();
    const closing = Promise.allSettled([...runningSchedules, ...workers.map((it) => it.close())]).then(() =>
      done.abort(),
    );
    // Waits only for running handlers: without its server, a worker would take much longer to close.
    await Promise.race([closing, runner.idle(), sleep(options.graceMs, done.signal)]);
    runner.abort();
    await Promise.race([closing, sleep(END_MS, done.signal)]);
    if (!done.signal.aborted) for (const worker of workers) void worker.disconnect().catch(() => {});
    await Promise.race([Promise.allSettled([...queues.values()].map((it) => it.close())), sleep(END_MS)]);
    await transport.close();
  };

  let closed: Promise<void> | undefined;
  return {
    queue: (name) => createWakeUps(queueNamed(name), { health, logger, metrics }),
    work,
    schedule: async (name, everyMs, run) => {
      startWorker(name, processRunJob, 1);
      runningSchedules.push(scheduler.keep(name, everyMs, run, stopping.signal));
    },
    close: () => {
      closed ??= close();
      return closed;
    },
    /** The BullMQ queues of all processes. */
    allQueues: async () => {
      for (const name of await transport.names()) queueNamed(name);
      return [...queues.values()];
    },
  };
};
