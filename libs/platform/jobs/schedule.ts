import { uuidv7 } from '../ids/uuid';
import { withLease } from '../lease/held-lease';
import type { Logger } from '../logging/logger.port';
import { sleep } from '../loops/backoff';
import type { Runner } from './runner';
import type { ScheduleStore } from './schedule-store';

/** ms after which another process may take over the run of a process that died. */
const LEASE_MS = 15_000;
/** The maximum number of ms between two attempts to begin a run, and ms after an attempt that failed. */
const POLL_MS = 10_000;
const RETRY_MS = 1_000;
/** ms after which a run is aborted and counts as failed. */
const RUN_TIMEOUT_MS = 900_000;

export interface ScheduleDeps {
  readonly store: ScheduleStore;
  readonly runner: Runner;
  readonly logger: Logger;
  /** Called for each run that has ended, with its error message if it failed. */
  readonly onRun: (schedule: string, slot: Date, failure: string | undefined) => void;
}

/**
 * Runs schedules. The time of the database is divided into slots of `everyMs`, the same for every process. The first
 * process that tries to begin a run in a slot runs it, under a lease; the clocks of the processes do not matter. If a
 * process dies, another process takes over the run of its slot, or runs the next slot.
 */
export const createScheduler = ({ store, runner, logger, onRun }: ScheduleDeps) => {
  const runOnce = async (
    schedule: string,
    { slot, token }: { readonly slot: Date; readonly token: string },
    run: (signal: AbortSignal) => Promise<void>,
  ): Promise<void> => {
    const renew = (): Promise<boolean> => store.renew(schedule, token, LEASE_MS);
    const failure = await withLease({ leaseMs: LEASE_MS, renew }, (lost) =>
      runner.run({ queue: schedule, timeoutMs: RUN_TIMEOUT_MS, until: lost }, run).then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      ),
    );
    const ownsRun = await store.end(schedule, token, slot);
    if (!ownsRun) logger.warn({ schedule }, 'another process has taken over the run of a schedule');
    onRun(schedule, slot, failure);
  };

  /** Runs the schedule if it is due. @returns ms until the next attempt */
  const runIfDue = async (
    schedule: string,
    everyMs: number,
    run: (signal: AbortSignal) => Promise<void>,
  ): Promise<number> => {
    const token = uuidv7();
    const { slot, waitMs, ahead } = await store.begin(schedule, everyMs, token, LEASE_MS);
    if (ahead) logger.warn({ schedule }, 'the time of the last run of a schedule is in the future and is ignored');
    if (!slot) return Math.min(POLL_MS, Math.max(1, Math.ceil(waitMs)));
    await runOnce(schedule, { slot, token }, run);
    return 0;
  };

  return {
    /** Runs the schedule until the signal aborts, and resolves when the last run of this process has ended. */
    keep: async (
      schedule: string,
      everyMs: number,
      run: (signal: AbortSignal) => Promise<void>,
      signal: AbortSignal,
    ): Promise<void> => {
      let failing = false;
      while (!signal.aborted) {
        try {
          await sleep(await runIfDue(schedule, everyMs, run), signal);
          failing = false;
        } catch (error) {
          if (!failing)
            logger.warn({ err: error, schedule }, 'a schedule cannot be read or written; trying again each second');
          failing = true;
          await sleep(RETRY_MS, signal);
        }
      }
    },
  };
};
