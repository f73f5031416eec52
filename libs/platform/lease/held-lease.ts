import { sleep } from '../loops/backoff';

/** Another process has the lease or may have it: the work under the lease must not write any more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}

export interface HeldLease {
  /** The length of the lease in ms. It must have been acquired just now. */
  readonly leaseMs: number;
  /** Extends the lease to `leaseMs` ms from now. @returns false if another process has the lease */
  readonly renew: () => Promise<boolean>;
}

/**
 * Calls `work` under a lease, and renews the lease every third of its length. The signal is aborted with {@link
 * LeaseLost} when another process has the lease, or when it was not renewed for 80 % of its length: soon after that
 * another process may acquire it. Time is measured by this process's monotonic clock. Every write under the lease must
 * still check the fencing token.
 * @throws the error of `work`
 */
export const withLease = async <T>(
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
      const sentAt = performance.now();
      // The wait for an answer is limited, so that a missing answer does not hide the loss of the lease.
      const late = sleep(Math.max(0, renewedAt + 0.8 * leaseMs - sentAt), ended.signal).then(() => undefined);
      const renewed = await Promise.race([renew().catch(() => undefined), late]);
      if (renewed) renewedAt = sentAt;
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
