import { type BackendFactory, createRedisBackend, Queue, type RedisQueueBackend, Worker } from 'bullmq';
import Redis from 'ioredis';
import type { Transport } from './transport';

export interface RedisTransportOptions {
  readonly url: string;
  /** What every key begins with. */
  readonly prefix: string;
  readonly onError: (error: Error) => void;
}

/** Seconds that a worker's connection waits for a job at most: one that is silent for longer is dead. */
const WAIT_S = 3;

const CONNECTION = {
  connectTimeout: 2_000,
  keepAlive: 10_000,
  retryStrategy: (attempt: number) => Math.min(100 * attempt, 2_000),
};

/** With a delayed job to come BullMQ would wait for ten seconds. */
const waitingBriefly: BackendFactory<RedisQueueBackend> = (name, options, connections) =>
  Object.defineProperty(createRedisBackend(name, options, connections), 'maximumBlockTimeout', { value: WAIT_S });

/** What is done with a command while Redis is not available. */
interface Answering {
  readonly maxRetriesPerRequest: number | null;
  readonly enableOfflineQueue?: boolean;
  readonly commandTimeout?: number;
  /** ms of silence after a command that a connection is given up after. */
  readonly socketTimeout: number;
}

/** Adding a job fails immediately while Redis is not available; only the first connection is awaited. */
const AT_ONCE: Answering = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 2_000,
  socketTimeout: 2_500,
};

/** Jobs in Redis: one connection for all queues, one for all workers, and one for each worker to wait on. */
export const createRedisTransport = ({ url, prefix, onError }: RedisTransportOptions): Transport => {
  const opened: Redis[] = [];
  const open = (options: Answering): Redis => {
    const redis = new Redis(url, { ...CONNECTION, ...options }).setMaxListeners(0);
    redis.on('error', onError);
    opened.push(redis);
    return redis;
  };
  let forQueues: Redis | undefined;
  let forWorkers: Redis | undefined;
  // BullMQ asks a new connection for the server's version, and remembers for ever if that failed.
  const common = { prefix, skipVersionCheck: true };

  return {
    queue: (name, options) => {
      forQueues ??= open(AT_ONCE);
      return new Queue(name, { ...options, ...common, connection: forQueues });
    },
    worker: (name, process, options) => {
      forWorkers ??= open({ maxRetriesPerRequest: null, socketTimeout: (WAIT_S + 2) * 1_000 });
      return new Worker(
        name,
        process,
        { ...options, ...common, drainDelay: WAIT_S, connection: forWorkers },
        waitingBriefly,
      );
    },
    names: async () => {
      const names: string[] = [];
      forQueues ??= open(AT_ONCE);
      for (let cursor = '0'; ; ) {
        const [next, keys] = await forQueues.scan(cursor, 'MATCH', `${prefix}:*:meta`, 'COUNT', 1_000);
        names.push(...keys.map((key) => key.slice(prefix.length + 1, -':meta'.length)));
        if (next === '0') return names;
        cursor = next;
      }
    },
    close: async () => {
      for (const redis of opened) redis.disconnect();
    },
  };
};
