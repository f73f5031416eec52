import type { Logger } from '../logging/logger.port';
import { sleep } from './backoff';

/** Work that every process repeats, independently of other processes: only for work that is safe to be done twice. */
export interface PollingLoops {
  /**
   * Runs `work` now, and again `ms` after each end. A failure is logged as "`what` failed", and does not end the loop.
   */
  every(ms: number, what: string, work: (signal: AbortSignal) => Promise<void>): void;
  /** Aborts the signals of all running work, and waits until it has ended. */
  stop(): Promise<void>;
}

export const createPollingLoops = (logger: Logger): PollingLoops => {
  const stopping = new AbortController();
  const running: Promise<void>[] = [];
  const run = async (ms: number, what: string, work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    while (!stopping.signal.aborted) {
      await work(stopping.signal).catch((error: unknown) =>
        logger.warn({ err: error }, `${what} failed, trying again later`),
      );
      await sleep(ms, stopping.signal);
    }
  };
  return {
    every: (ms, what, work) => {
      running.push(run(ms, what, work));
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
    },
  };
};
