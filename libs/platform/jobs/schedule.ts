import { uuidv7 } from '../ids/uuid';
import { whileHeld } from '../lease/held-lease';
import type { Logger } from '../logging/logger.port';
import { sleep } from '../loops/backoff';
import type { Runner } from './runner';
import type { ScheduleStore } from './schedule-store';

/** ms after which the run of a process that died is another's. */
const LEASE_MS = 15_000;
/** ms between two looks at most, and after a look that failed. */
const LOOK_MS = 10_000;
const AGAIN_MS = 1_000;
/** A run that takes longer counts as failed. */
const RUN_TIMEOUT_MS = 900_000;

export interface ScheduleDeps {
  readonly store: ScheduleStore;
  readonly runner: Runner;
  readonly logger: Logger;
  /** Called with each run that ended; it was taken over where the message says so. */
  readonly onRun: (schedule: string, slot: Date, failure: string | undefined) => void;
}

/**
 * The database's time is cut into slots of `everyMs`, the same ones for every process, and the first process that looks in a
 * slot runs it, under a lease. A process's own clock has no part in it. Nothing is lost with a process: the next look at the
 * slot, or the next slot, is another's.
 */
export const createScheduler = ({ store, runner, logger, onRun }: ScheduleDeps) => {
  const runOnce = async (
    schedule: string,
    { slot, token }: { readonly slot: Date; readonly token: string },
    run: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> => {
    const renew = (): Promise<boolean> => store.renew(schedule, token, LEASE_MS);
    const failure = await whileHeld({ leaseMs: LEASE_MS, renew }, (lost) =>
      runner.run({ queue: schedule, timeoutMs: RUN_TIMEOUT_MS, until: lost }, run).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    );
    const isOurs = await store.end(schedule, token, slot);
    if (!isOurs) logger.warn({ schedule }, 'another process has taken over the run of a schedule');
    onRun(schedule, slot, failure);
  };

  const look = async (
    schedule: string,
    everyMs: number,
    run: (signal: AbortSignal) => Promise<void>,
  ): Promise<number> => {
    const token = uuidv7();
    const { slot, waitMs, ahead } = await store.begin(schedule, everyMs, token, LEASE_MS);
    if (ahead) logger.warn({ schedule }, 'the last run of a schedule has a time in the future and is ignored');
    if (!slot) return Math.min(LOOK_MS, Math.max(1, Math.ceil(waitMs)));
    await runOnce(schedule, { slot, token }, run);
    return 0;
  };

  return {
    /** Runs it in its slots until the signal aborts; resolves when the last run of this process has ended. */
    keep: async (
      schedule: string,
      everyMs: number,
      run: (signal: AbortSignal) => Promise<void>,
      signal: AbortSignal,
    ): Promise<void> => {
      let failing = false;
      while (!signal.aborted) {
        try {
          await sleep(await look(schedule, everyMs, run), signal);
          failing = false;
        } catch (error) {
          if (!failing) logger.warn({ err: error, schedule }, 'a schedule could not be read; it is tried again');
          failing = true;
          await sleep(AGAIN_MS, signal);
        }
      }
    },
  };
};
