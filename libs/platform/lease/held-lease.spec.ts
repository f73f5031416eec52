import { LeaseLost, withLease } from './held-lease';

/** Resolves with the reason of the signal when it aborts. */
const lostBy = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason), { once: true }));

describe('work under a lease', () => {
  it('continues while the lease is renewed, and its result is returned', async () => {
    let renewals = 0;
    const work = (signal: AbortSignal): Promise<boolean> =>
      new Promise((resolve) => {
        const poll = (): void => void (renewals < 3 ? setTimeout(poll, 5) : resolve(signal.aborted));
        poll();
      });
    const renew = async (): Promise<boolean> => ++renewals > 0;
    expect(await withLease({ leaseMs: 2_000, renew }, work)).toBe(false);
  });

  it.each([
    ['another process has the lease', async () => false],
    ['all renewals fail for the length of the lease', () => Promise.reject(new Error('not available'))],
    ['the renewal is never answered', () => new Promise<boolean>(() => {})],
  ])('has its signal aborted where %s', async (_, renew) => {
    expect(await withLease({ leaseMs: 60, renew }, lostBy)).toBeInstanceOf(LeaseLost);
  });

  it('continues after a single renewal has failed', async () => {
    let renewals = 0;
    const renew = async (): Promise<boolean> => {
      if (++renewals === 1) throw new Error('not available');
      return true;
    };
    const work = async (signal: AbortSignal): Promise<boolean> => {
      while (renewals < 3) await new Promise((resolve) => setTimeout(resolve, 5));
      return signal.aborted;
    };
    expect(await withLease({ leaseMs: 6_000, renew }, work)).toBe(false);
  });
});
