import { createHash } from 'node:crypto';
import Redis from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { Logger } from '#platform/logging/logger.port';
import type { Limiter, RatePolicy } from './rate-window';

export interface SharedCounts {
  limiter(policy: RatePolicy): Limiter;
  close(): Promise<void>;
}

/** Keys can hold mail and network addresses, which have no business in a shared store. */
const hashOf = (key: string): string => createHash('sha256').update(key).digest('base64url');

/** ms that a count may take before this process counts by itself. */
const PATIENCE_MS = 250;

/**
 * Counts for all processes together, in Redis. While Redis is not available each process counts by itself, which lets through at
 * most as many times the limit as there are processes: a limiter must never be what takes the API down.
 */
export const connectSharedCounts = (url: string, logger: Logger): SharedCounts => {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: PATIENCE_MS,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => Math.min(100 * attempt, 2_000),
  });
  let away = false;
  redis.on('error', (error: Error) => {
    if (!away)
      logger.warn({ reason: error.message }, 'Redis is not available; each process counts rate limits by itself');
    away = true;
  });
  redis.on('ready', () => {
    if (away) logger.info({}, 'Redis is available again; rate limits are counted for all processes together');
    away = false;
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
        // Anyone who is over the limit costs no more round trips until the window ends.
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
