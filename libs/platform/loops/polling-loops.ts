import type { Logger } from '../logging/logger.port';
import { sleep } from './backoff';

/** Work that this process does again and again, whatever other processes do: for what is safe to be done twice. */
export interface PollingLoops {
  /** Runs `work` now, and again `ms` after each end. What fails is logged as `what`, and tried again then. */
  every(ms: number, what: string, work: (signal: AbortSignal) => Promise<void>): void;
  /** Aborts the signal of the running work, and waits for it. */
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
