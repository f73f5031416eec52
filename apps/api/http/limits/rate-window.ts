/** So many requests in a window of time. */
export interface RatePolicy {
  /** What the `RateLimit` fields call it. */
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number;
}

/** What is left of a key's window after a request was counted. */
export interface Verdict {
  /** Negative: the request is one too many. */
  readonly remaining: number;
  /** Milliseconds since 1970 when the window ends. */
  readonly resetAt: number;
}

export interface Limiter {
  readonly policy: RatePolicy;
  /** Counts one request. A promise only where the count is kept elsewhere. */
  consume(key: string): Verdict | Promise<Verdict>;
  /** Takes back one that was counted and let through. */
  restore(key: string): void | Promise<void>;
}

interface Window {
  remaining: number;
  resetAt: number;
}

/** Keys at most; beyond it the oldest windows are forgotten, so that made-up keys can't fill the memory. */
const MAX_KEYS = 100_000;

/** Counts in this process, in fixed windows that begin with a key's first request. No promise, no timer. */
export const createMemoryLimiter = (policy: RatePolicy, now: () => number = Date.now): Limiter => {
  const windows = new Map<string, Window>();

  const makeRoom = (at: number): void => {
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
        if (windows.size >= MAX_KEYS) makeRoom(at);
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
