import { type BackendFactory, createRedisBackend, Queue, type RedisQueueBackend, Worker } from 'bullmq';
import Redis from 'ioredis';
import type { Transport } from './transport';

export interface RedisTransportOptions {
  readonly url: string;
  /** The prefix of every key. */
  readonly prefix: string;
  readonly onError: (error: Error) => void;
}

/**
 * The maximum number of seconds that a worker's connection waits for a job. A connection without an answer then is
 * dead.
 */
const WAIT_S = 3;

const CONNECTION = {
  connectTimeout: 2_000,
  keepAlive: 10_000,
  retryStrategy: (attempt: number) => Math.min(100 * attempt, 2_000),
};

/** By default, BullMQ waits for ten seconds if there is a delayed job. */
const withShortWait: BackendFactory<RedisQueueBackend> = (name, options, connections) =>
  Object.defineProperty(createRedisBackend(name, options, connections), 'maximumBlockTimeout', { value: WAIT_S });

/** How a connection handles commands while Redis is not available. */
interface OutageOptions {
  readonly maxRetriesPerRequest: number | null;
  readonly enableOfflineQueue?: boolean;
  readonly commandTimeout?: number;
  /** ms without an answer to a command after which the connection is closed. */
  readonly socketTimeout: number;
}

/** While Redis is not available, adding a job fails immediately. Only the first connection is awaited. */
const FAIL_FAST: OutageOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  commandTimeout: 2_000,
  socketTimeout: 2_500,
};

/** Jobs in Redis. It opens one connection for all queues, one for all workers, and one on which each worker waits. */
export const createRedisTransport = ({ url, prefix, onError }: RedisTransportOptions): Transport => {
  const opened: Redis[] = [];
  const open = (options: OutageOptions): Redis => {
    const redis = new Redis(url, { ...CONNECTION, ...options }).setMaxListeners(0);
    redis.on('error', onError);
    opened.push(redis);
    return redis;
  };
  let forQueues: Redis | undefined;
  let forWorkers: Redis | undefined;
  // BullMQ queries the version of the server on a new connection, and never again after a failure.
  const common = { prefix, skipVersionCheck: true };

  return {
    queue: (name, options) => {
      forQueues ??= open(FAIL_FAST);
      return new Queue(name, { ...options, ...common, connection: forQueues });
    },
    worker: (name, process, options) => {
      forWorkers ??= open({ maxRetriesPerRequest: null, socketTimeout: (WAIT_S + 2) * 1_000 });
      return new Worker(
        name,
        process,
        { ...options, ...common, drainDelay: WAIT_S, connection: forWorkers },
        withShortWait,
      );
    },
    names: async () => {
      const names: string[] = [];
      forQueues ??= open(FAIL_FAST);
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
