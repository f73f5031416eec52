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
  /** Connects as the projector: the rights to run schedules are in the database, whatever carries the jobs. */
  readonly schedules: Pool;
  readonly registry: Registry;
  readonly logger: Logger;
  /** ms that `close` waits for what runs, before it aborts its signal. */
  readonly graceMs: number;
  /** ms after which a job whose worker no longer renews its claim is given to another; 15,000 by default. */
  readonly claimMs?: number;
}

/** Failed jobs kept for the dashboard, by number and by seconds. */
const KEPT = { count: 500, age: 7 * 86_400 };
/** ms between two looks for what was written by a clock that was ahead. */
const HEAL_MS = 60_000;
/** Runs of a schedule kept for the dashboard. */
const KEPT_RUNS = 20;
/** Nothing in the product reads BullMQ's events. */
const EVENTS = 100;
/** ms for a handler to end after its signal aborts, and for connections to be closed. */
const END_MS = 1_000;

/** Jobs over BullMQ. It never retries: a job is a nudge, and the row it is about knows when to be tried again. */
export const createJobs = (options: JobsOptions): Jobs & { readonly allQueues: () => Promise<Queue[]> } => {
  const { logger, claimMs = 15_000 } = options;
  const health = createHealth(logger);
  const metrics = createJobMetrics(options.registry);
  const runner = createRunner({ logger, metrics });
  const transport = options.transport(health.failed);
  const stopping = new AbortController();
  const queues = new Map<string, Queue>();
  const workers: Worker[] = [];
  const keeping: Promise<void>[] = [];

  const heal = async (): Promise<void> => {
    while (transport.heal && !stopping.signal.aborted) {
      await sleep(HEAL_MS, stopping.signal);
      if (!stopping.signal.aborted) await transport.heal().catch(health.failed);
    }
  };

  const queueNamed = (name: string): Queue => {
    const known = queues.get(name);
    if (known) return known;
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new Error(`"${name}" can't name a queue: a-z, 0-9 and -`);
    const queue = transport.queue(name, {
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: KEPT, stackTraceLimit: 1 },
      streams: { events: { maxLen: EVENTS } },
    });
    queue.on('error', health.failed);
    if (queues.size === 0) {
      void metrics.watch(() => queues.values(), health, stopping.signal);
      void heal();
    }
    queues.set(name, queue);
    return queue;
  };

  const takeJobs = (name: string, process: (job: Job) => Promise<void>, concurrency: number): void => {
    // For its metrics, and for the dashboard.
    queueNamed(name);
    const worker = transport.worker(name, process, {
      concurrency,
      lockDuration: claimMs,
      stalledInterval: claimMs,
      maxStalledCount: 2,
      // Seconds between two looks that no notice asked for, and ms between two tries while the queue is not available.
      drainDelay: 5,
      runRetryDelay: 1_000,
    });
    worker.on('error', health.failed);
    worker.on('failed', (job, error) => {
      // The runner logs the failures of handlers.
      if (error.name === 'UnrecoverableError') logger.warn({ err: error, queue: name, job: job?.id }, 'a job failed');
    });
    workers.push(worker);
  };
  const work = <Data extends object>(name: string, handler: Handler<Data>, limits: WorkOptions): void =>
    takeJobs(name, runner.processor(name, handler, limits.timeoutMs), limits.concurrency);

  /** The dashboard shows jobs: each run of a schedule becomes one, when it has ended. */
  const noteRun = (name: string, slot: Date, failure: string | undefined): void => {
    const jobId = uuidv7();
    // Many jobs without a deduplication are added by a way that needs to create sequences, which the role may not.
    const opts = { jobId, deduplication: { id: jobId }, removeOnComplete: { count: KEPT_RUNS } };
    queueNamed(name)
      .addBulk([{ name: 'run', data: { slot: slot.toISOString(), failure }, opts }])
      .catch(health.failed);
  };
  const showRun = async ({ data }: Job): Promise<void> => {
    if (data.failure) throw new Error(data.failure);
  };
  const scheduler = createScheduler({
    store: createScheduleStore(options.schedules),
    ...{ runner, logger, onRun: noteRun },
  });

  const close = async (): Promise<void> => {
    stopping.abort();
    const done = new AbortController();
    const closing = Promise.allSettled([...keeping, ...workers.map((it) => it.close())]).then(() => done.abort());
    // Only what runs is given the grace: workers whose server is not available end by themselves much later, for nothing.
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
      takeJobs(name, showRun, 1);
      keeping.push(scheduler.keep(name, everyMs, run, stopping.signal));
    },
    close: () => {
      closed ??= close();
      return closed;
    },
    /** Of all processes, as BullMQ has them. */
    allQueues: async () => {
      for (const name of await transport.names()) queueNamed(name);
      return [...queues.values()];
    },
  };
};
