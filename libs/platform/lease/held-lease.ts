import { sleep } from '../loops/backoff';

/** Another process has the lease by now, or may have it: what is under way must not write any more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export interface HeldLease {
  /** ms of the lease, which has just been taken. */
  readonly leaseMs: number;
  /** Makes it last `leaseMs` from now on. @returns false where another process has it */
  readonly renew: () => Promise<boolean>;
}

/**
 * Works under a lease: renews it three times in its length, and aborts the signal with {@link LeaseLost} once another process
 * has it, or once it was not renewed for four fifths of its length, after which another process may take it. Time is this
 * process's monotonic clock. What is written under the lease has to check its token all the same.
 */
export const whileHeld = async <T>(
  { leaseMs, renew }: HeldLease,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const lost = new AbortController();
  const ended = new AbortController();
  const lose = (reason: string): void => lost.abort(new LeaseLost(reason));
  let renewedAt = performance.now();

  const keep = async (): Promise<void> => {
    while (!ended.signal.aborted && !lost.signal.aborted) {
      await sleep(leaseMs / 3, ended.signal);
      if (ended.signal.aborted) return;
      const askedAt = performance.now();
      // An answer that does not come must not keep the holder from noticing.
      const late = sleep(Math.max(0, renewedAt + 0.8 * leaseMs - askedAt), ended.signal).then(() => undefined);
      const renewed = await Promise.race([renew().catch(() => undefined), late]);
      if (renewed) renewedAt = askedAt;
      else if (renewed === false) lose('another process has taken over the lease');
      else if (performance.now() - renewedAt >= 0.8 * leaseMs) lose(`the lease was not renewed for ${leaseMs} ms`);
    }
  };
  const keeping = keep();
  try {
    return await work(lost.signal);
  } finally {
    ended.abort();
    await keeping;
  }
};
