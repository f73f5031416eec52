import { Problem } from '#platform/problems';

/** The highest number of requests in a window of time. */
export interface RatePolicy {
  /** Name in the headers `RateLimit` and `RateLimit-Policy`. */
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number;
}

/** State of a key's window after a request was counted. */
export interface Verdict {
  /** Requests left. Negative: this request is above the limit. */
  readonly remaining: number;
  /** When the window ends, in ms since 1970. */
  readonly resetAt: number;
}

export interface Limiter {
  readonly policy: RatePolicy;
  /** Counts one request. Returns a promise only if the count is stored outside this process. */
  consume(key: string): Verdict | Promise<Verdict>;
  /** Takes back the count of one request that was not refused. */
  restore(key: string): void | Promise<void>;
}

/** The seconds until the window of a verdict ends, at least 1. */
export const secondsLeft = ({ resetAt }: Verdict): number => Math.max(1, Math.ceil((resetAt - Date.now()) / 1000));

/**
 * Refuses a request above the limit.
 * @param reason a sentence; the problem adds when to try again
 * @throws Problem rate-limited, with the seconds until the window ends
 */
export const refuseAboveLimit = (verdict: Verdict, reason: string): void => {
  if (verdict.remaining >= 0) return;
  const retryAfter = secondsLeft(verdict);
  throw new Problem('rate-limited', { detail: `${reason} Try again in ${retryAfter} seconds.`, retryAfter });
};

interface Window {
  remaining: number;
  resetAt: number;
}

/**
 * Maximum number of keys in memory. Above it, expired and then the oldest windows are deleted, so that invented keys
 * cannot fill it.
 */
const MAX_KEYS = 100_000;

/**
 * Counts in the memory of this process, in fixed windows that begin with the first request of a key.
 * @param now returns the time in ms since 1970
 */
export const createMemoryLimiter = (policy: RatePolicy, now: () => number = Date.now): Limiter => {
  const windows = new Map<string, Window>();

  const deleteOldWindows = (at: number): void => {
    for (const [key, window] of windows) if (window.resetAt <= at) windows.delete(key);
    for (const key of windows.keys()) {
      if (windows.size < MAX_KEYS * 0.9) break;
      windows.delete(key);
    }
  };

  return {
    policy,
    consume: (key) => {
      const at = now();
      let window = windows.get(key);
      if (window === undefined) {
        if (windows.size >= MAX_KEYS) deleteOldWindows(at);
        window = { remaining: policy.limit, resetAt: at + policy.windowSeconds * 1000 };
        windows.set(key, window);
      } else if (window.resetAt <= at) {
        window.remaining = policy.limit;
        window.resetAt = at + policy.windowSeconds * 1000;
      }
      if (window.remaining >= 0) window.remaining -= 1;
      return window;
    },
    restore: (key) => {
      const window = windows.get(key);
      if (window && window.resetAt > now() && window.remaining < policy.limit) window.remaining += 1;
    },
  };
};
