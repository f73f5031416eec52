import { createHash } from 'node:crypto';
import Redis from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Logger } from '#platform/logging/logger.port';
import type { Limiter, RatePolicy } from './rate-window';

export interface SharedCounts {
  /** Creates a limiter. Its methods do not reject while Redis is not available. */
  limiter(policy: RatePolicy): Limiter;
  close(): Promise<void>;
}

/** Keys contain e-mail and network addresses, which must not be stored in Redis. */
const hashOf = (key: string): string => createHash('sha256').update(key).digest('base64url');

/** Longest time in ms for a command to Redis. After it, this process counts by itself. */
const COMMAND_TIMEOUT_MS = 250;

/**
 * Counts for all processes together, in Redis. While Redis is not available, each process counts by itself, so that the
 * API stays available. The effective limit is then at most the limit times the number of processes.
 * @param url of Redis, such as `redis://127.0.0.1:6379`
 */
export const connectSharedCounts = (url: string, logger: Logger): SharedCounts => {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: COMMAND_TIMEOUT_MS,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(100 * attempt, 2_000),
  });
  let unavailable = false;
  redis.on('error', (error: Error) => {
    if (!unavailable)
      logger.warn({ reason: error.message }, 'Redis is not available; each process counts rate limits by itself');
    unavailable = true;
  });
  redis.on('ready', () => {
    if (unavailable) logger.info({}, 'Redis is available again; rate limits are counted for all processes together');
    unavailable = false;
  });

  return {
    limiter: (policy) => {
      const { name, limit: points, windowSeconds: duration } = policy;
      const counts = new RateLimiterRedis({
        storeClient: redis,
        keyPrefix: `tenantry-rate-${name}`,
        points,
        duration,
        rejectIfRedisNotReady: true,
        insuranceLimiter: new RateLimiterMemory({ points, duration }),
        // A key above its limit is refused without a round trip to Redis until its window ends.
        inMemoryBlockOnConsumed: points + 1,
      });
      const verdict = (result: RateLimiterRes) => ({
        remaining: points - result.consumedPoints,
        resetAt: Date.now() + result.msBeforeNext,
      });
      return {
        policy,
        consume: (key) =>
          counts.consume(hashOf(key)).then(verdict, (refused: unknown) => {
            if (refused instanceof RateLimiterRes) return { ...verdict(refused), remaining: -1 };
            throw refused;
          }),
        restore: async (key) => {
          await counts.reward(hashOf(key));
        },
      };
    },
    close: async () => {
      redis.disconnect();
    },
  };
};
