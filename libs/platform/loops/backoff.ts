/** Resolves after `ms`, or as soon as the signal aborts. Never rejects. */
export const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });

/**
 * ms to wait before the next attempt after `failed` failures (from 1). The time doubles with each failure up to
 * `maxMs`. Half of it is random, so that many clients do not retry at the same moment ("equal jitter").
 */
export const backoff = (failed: number, { firstMs, maxMs }: { firstMs: number; maxMs: number }): number => {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, failed - 1)));
  return full / 2 + Math.random() * (full / 2);
};
