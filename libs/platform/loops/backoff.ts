/** Resolves after `ms`, or at once when the signal aborts; never rejects. */
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
 * ms to wait before the next try after `failed` (from 1) failures: doubles up to `maxMs`, and half of it is drawn at
 * random so that many clients do not come back together ("equal jitter").
 */
export const backoff = (failed: number, { firstMs, maxMs }: { firstMs: number; maxMs: number }): number => {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(30, Math.max(0, failed - 1)));
  return full / 2 + Math.random() * (full / 2);
};
