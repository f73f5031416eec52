import { findInvalidMarks, type NamedCheckpoint } from '#event-log/mark';
import type { EventLog } from '#event-log/port';
import { sleep } from '#platform/loops/backoff';
import type { Progress } from '../read-your-writes/progress';

export interface CheckpointWatchOptions {
  readonly log: Pick<EventLog, 'identity' | 'lastEvent' | 'missing' | 'onHistoryChange'>;
  readonly projections: () => Promise<readonly NamedCheckpoint[]>;
  /** Other readers of the log that keep a checkpoint. */
  readonly reactions: () => Promise<readonly NamedCheckpoint[]>;
  readonly progress: Progress;
  /** ms between two looks; 1,000 by default. */
  readonly intervalMs?: number;
}

/** Checkpoints that are no places of the log, each with a sentence that says why. */
export interface InvalidCheckpoints {
  readonly projections: ReadonlyMap<string, string>;
  readonly reactions: ReadonlyMap<string, string>;
}

const NONE: InvalidCheckpoints = { projections: new Map(), reactions: new Map() };

/**
 * Compares every checkpoint with the log, and what this process believes of the read models with their checkpoints: a
 * database that was restored or failed over may be behind what was reported of it.
 */
export const createCheckpointWatch = (options: CheckpointWatchOptions) => {
  const { log, progress, intervalMs = 1_000 } = options;
  let found = NONE;
  let believed = new Map<string, bigint>();

  const look = async (): Promise<void> => {
    // What was reported by the look before had a whole interval to be written: a checkpoint behind it went back.
    const before = believed;
    believed = new Map(progress.positions);
    const [projections, reactions] = await Promise.all([options.projections(), options.reactions()]);
    for (const { name, position } of projections) {
      if (position < (before.get(name) ?? 0n)) progress.forget(name);
    }
    found = {
      projections: await findInvalidMarks(log, projections),
      reactions: await findInvalidMarks(log, reactions),
    };
    progress.refuse(found.projections.keys());
  };

  return {
    /** As the last look that was answered found them. */
    misfits: (): InvalidCheckpoints => found,
    look,
    /** Looks from time to time until the signal aborts. */
    watch: async (signal: AbortSignal): Promise<void> => {
      const stop = log.onHistoryChange(() => {
        for (const name of [...progress.positions.keys()]) progress.forget(name);
      });
      while (!signal.aborted) {
        // While the log or the database is not available nothing can be said of the checkpoints; other checks say so.
        await look().catch(() => {});
        await sleep(intervalMs, signal);
      }
      stop();
    },
  };
};

export type CheckpointWatch = ReturnType<typeof createCheckpointWatch>;
