import { Queue, Worker } from 'bullmq';
import Redis from 'ioredis';
import type { Transport } from './transport';

export interface RedisTransportOptions {
  readonly url: string;
  /** What every key begins with. */
  readonly prefix: string;
  readonly onError: (error: Error) => void;
}

const CONNECTION = {
  connectTimeout: 2_000,
  keepAlive: 10_000,
  retryStrategy: (attempt: number) => Math.min(100 * attempt, 2_000),
};

/** What is done with a command while Redis is away. */
interface Answering {
  readonly maxRetriesPerRequest: number | null;
  readonly enableOfflineQueue?: boolean;
  readonly commandTimeout?: number;
}

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
      // Whoever adds is told at once that Redis is away; the first connection is waited for.
      forQueues ??= open({ enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 2_000 });
      return new Queue(name, { ...options, ...common, connection: forQueues });
    },
    worker: (name, process, options) => {
      forWorkers ??= open({ maxRetriesPerRequest: null });
      return new Worker(name, process, { ...options, ...common, connection: forWorkers });
    },
    close: async () => {
      for (const redis of opened) redis.disconnect();
    },
  };
};
