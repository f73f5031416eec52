import type { Queue, Worker } from 'bullmq';
import type { Registry } from 'prom-client';
import { sleep } from '../backoff';
import type { Logger } from '../logger.port';
import { createHealth } from './health';
import { createJobMetrics } from './metrics';
import { createNudges } from './nudges';
import type { Handler, Jobs, WorkOptions } from './port';
import { createRunner } from './runner';
import { createSchedule, RUN_TIMEOUT_MS } from './schedule';
import type { Transport } from './transport';

export interface JobsOptions {
  readonly transport: (onError: (error: unknown) => void) => Transport;
  readonly registry: Registry;
  readonly logger: Logger;
  /** ms that `close` waits for what runs, before it aborts its signal. */
  readonly graceMs: number;
  /** ms after which a job whose worker no longer renews its claim is given to another; 15,000 unless given. */
  readonly claimMs?: number;
}

/** Failed jobs kept for the dashboard, by number and by seconds. */
const KEPT = { count: 500, age: 7 * 86_400 };
/** Nothing in the product reads BullMQ's events. */
const EVENTS = 100;
/** ms for a handler to end once it is told to, and for connections to be closed. */
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

  const queueNamed = (name: string): Queue => {
    const known = queues.get(name);
    if (known) return known;
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new Error(`"${name}" can't name a queue: a-z, 0-9 and -`);
    const queue = transport.queue(name, {
      defaultJobOptions: { attempts: 1, removeOnComplete: true, removeOnFail: KEPT, stackTraceLimit: 1 },
      streams: { events: { maxLen: EVENTS } },
    });
    queue.on('error', health.failed);
    if (queues.size === 0) void metrics.watch(() => queues.values(), health, stopping.signal);
    queues.set(name, queue);
    return queue;
  };

  const work = <Data extends object>(name: string, handler: Handler<Data>, limits: WorkOptions): void => {
    // For its metrics, and for the dashboard.
    queueNamed(name);
    const worker = transport.worker(name, runner.processor(name, handler, limits.timeoutMs), {
      concurrency: limits.concurrency,
      lockDuration: claimMs,
      stalledInterval: claimMs,
      maxStalledCount: 2,
      // Seconds between two looks that no notice asked for, and ms between two tries while the queue is away.
      drainDelay: 5,
      runRetryDelay: 1_000,
    });
    worker.on('error', health.failed);
    worker.on('failed', (job, error) => {
      // Handlers' own failures are told by the runner.
      if (error.name === 'UnrecoverableError') logger.warn({ err: error, queue: name, job: job?.id }, 'a job failed');
    });
    workers.push(worker);
  };

  const close = async (): Promise<void> => {
    stopping.abort();
    const done = new AbortController();
    const closing = Promise.allSettled(workers.map((it) => it.close())).then(() => done.abort());
    await Promise.race([closing, sleep(options.graceMs, done.signal)]);
    runner.abort();
    await Promise.race([closing, sleep(END_MS, done.signal)]);
    if (!done.signal.aborted) for (const worker of workers) void worker.disconnect().catch(() => {});
    await Promise.race([Promise.allSettled([...queues.values()].map((it) => it.close())), sleep(END_MS)]);
    await transport.close();
  };

  let closed: Promise<void> | undefined;
  return {
    queue: (name) => createNudges(queueNamed(name), { health, logger, metrics }),
    work,
    schedule: async (name, everyMs, run) => {
      const schedule = createSchedule(queueNamed(name), everyMs);
      work(name, schedule.handler(run), { concurrency: 1, timeoutMs: RUN_TIMEOUT_MS });
      void schedule.keep(health, stopping.signal);
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
