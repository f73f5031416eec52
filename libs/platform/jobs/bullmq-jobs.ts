import {
  createPostgresBackend,
  createRedisBackend,
  type JobsOptions,
  type Queue,
  type Worker,
  withBackend,
} from 'bullmq';
import { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import type { Logger } from '../logger.port';
import { JOBS_SCHEMA } from './install';
import { createJobMetrics } from './metrics';
import type { Jobs, Run } from './port';

/** One queue for everything: jobs are told apart by their name. */
export const QUEUE = 'tenantry';
/** Connections of a queue or a worker on PostgreSQL, beside the one that listens. */
const POOL = 2;
/** Different works at the same time in one process. */
const CONCURRENCY = 8;
/** ms for which a nudge is tried before it is left to the schedule. */
const NUDGE_MS = 2_000;
/** Finished jobs that are kept for whoever looks. */
const KEPT = { completed: 200, failed: 1_000 };

export interface JobsOptionsOf {
  /** Connects as the role of jobs. */
  readonly databaseUrl: string;
  readonly redisUrl?: string | undefined;
  readonly logger: Logger;
  readonly registry?: Registry;
}

type Parts = {
  readonly queue: Queue;
  readonly startWorker: (handle: Handle) => Worker;
  readonly end: () => Promise<void>;
};
type Handle = (job: { readonly name: string }) => Promise<void>;

const WORKER = { concurrency: CONCURRENCY, maxStalledCount: 3, stalledInterval: 10_000, lockDuration: 30_000 };

const onPostgres = ({ databaseUrl }: JobsOptionsOf): Parts => {
  const backend = withBackend(createPostgresBackend);
  const connection = {
    ...{ connectionString: databaseUrl, schema: JOBS_SCHEMA, max: POOL, application_name: 'tenantry-jobs' },
    ...{ connectionTimeoutMillis: NUDGE_MS, statement_timeout: 10_000, keepAlive: true },
  };
  return {
    queue: new backend.Queue(QUEUE, { connection }) as unknown as Queue,
    startWorker: (handle) => new backend.Worker(QUEUE, handle, { connection, ...WORKER }) as unknown as Worker,
    end: async () => undefined,
  };
};

const onRedis = (url: string, { logger }: JobsOptionsOf): Parts => {
  const backend = withBackend(createRedisBackend);
  const open = (forWorker: boolean): Redis => {
    // A worker waits for Redis as long as it takes; who nudges does not.
    const redis = new Redis(
      url,
      forWorker ? { maxRetriesPerRequest: null } : { maxRetriesPerRequest: 1, enableOfflineQueue: false },
    );
    redis.on('error', (error) => logger.debug({ err: error }, 'the connection of jobs to Redis failed'));
    return redis;
  };
  const connections = [open(false)];
  const [first] = connections as [Redis];
  return {
    queue: new backend.Queue(QUEUE, { connection: first, prefix: '{tenantry-jobs}' }) as unknown as Queue,
    startWorker: (handle) => {
      const connection = open(true);
      connections.push(connection);
      const options = { connection, prefix: '{tenantry-jobs}', ...WORKER };
      return new backend.Worker(QUEUE, handle, options) as unknown as Worker;
    },
    end: async () => {
      for (const connection of connections) connection.disconnect();
    },
  };
};

/**
 * Jobs on BullMQ: on PostgreSQL, or on Redis where there is one. Its own retries are not used: what failed is tried again
 * by whoever keeps the record of it, and by the schedule.
 */
export const openJobs = (options: JobsOptionsOf): Jobs & { readonly queue: Queue } => {
  const { redisUrl, logger, registry } = options;
  const { queue, startWorker, end } = redisUrl ? onRedis(redisUrl, options) : onPostgres(options);
  const works = new Map<string, { readonly timeoutMs: number; readonly run: Run }>();
  const metrics = registry && createJobMetrics(registry, () => queue.getWaitingCount());
  const closing = new AbortController();
  const quiet = (what: string) => (error: unknown) => logger.debug({ err: error }, what);
  queue.on('error', quiet('the queue of jobs failed'));
  let worker: Worker | undefined;

  /** What runs here by its name, and whether it shall run once more. */
  const running = new Map<string, { again: boolean }>();

  const handle: Handle = async ({ name }) => {
    const present = running.get(name);
    // A nudge and the schedule may come at the same time, and know nothing of each other.
    if (present) {
      present.again = true;
      return;
    }
    const mine = { again: false };
    running.set(name, mine);
    try {
      do {
        mine.again = false;
        await once(name);
      } while (mine.again && !closing.signal.aborted);
    } finally {
      running.delete(name);
    }
  };

  const once = async (name: string): Promise<void> => {
    const work = works.get(name);
    if (!work) return;
    const stopped = metrics?.start(name);
    try {
      await work.run(AbortSignal.any([closing.signal, AbortSignal.timeout(work.timeoutMs)]));
      stopped?.('completed');
    } catch (error) {
      stopped?.('failed');
      logger.warn({ err: error, job: name }, 'a job failed, it is tried again later');
      throw error;
    }
  };

  const optionsFor = (name: string): JobsOptions => ({
    deduplication: { id: name, keepLastIfActive: true },
    removeOnComplete: { count: KEPT.completed },
    removeOnFail: { count: KEPT.failed },
  });

  const schedule = async (name: string, everyMs: number): Promise<void> => {
    for (let failed = 0; !closing.signal.aborted; failed++) {
      try {
        const kept = { removeOnComplete: { count: KEPT.completed }, removeOnFail: { count: KEPT.failed } };
        await queue.upsertJobScheduler(`every-${name}`, { every: everyMs }, { name, data: {}, opts: kept });
        return;
      } catch (error) {
        quiet('a schedule could not be set, trying again')(error);
        await new Promise((resolve) => setTimeout(resolve, Math.min(5_000, 200 * 2 ** failed)).unref());
      }
    }
  };

  const under = new Set<string>();
  return {
    queue,
    nudge: (name) => {
      // Those that come while one is being told are told by it, or by the one after it.
      if (under.has(`${name} again`)) return;
      if (under.has(name)) {
        under.add(`${name} again`);
        return;
      }
      const tell = (): void => {
        under.add(name);
        queue
          .add(name, {}, optionsFor(name))
          .catch(quiet('a nudge was lost; the schedule finds its work'))
          .finally(() => {
            under.delete(name);
            if (under.delete(`${name} again`) && !closing.signal.aborted) tell();
          });
      };
      tell();
    },
    work: (name, { everyMs, timeoutMs }, run) => {
      works.set(name, { timeoutMs, run });
      if (!worker) {
        worker = startWorker(handle);
        worker.on('error', quiet('the worker of jobs failed'));
      }
      void schedule(name, everyMs);
    },
    close: async () => {
      closing.abort();
      await worker?.close().catch(quiet('the worker of jobs did not close'));
      await queue.close().catch(quiet('the queue of jobs did not close'));
      await end();
    },
  };
};
