import { findInvalidMarks, type NamedCheckpoint } from '#event-log/mark';
import type { EventLog } from '#event-log/port';
import { sleep } from '#platform/loops/backoff';
import type { Progress } from '../read-your-writes/progress';

export interface CheckpointWatchOptions {
  readonly log: Pick<EventLog, 'identity' | 'lastEvent' | 'missing' | 'onHistoryChange'>;
  /** The checkpoints of read models. */
  readonly projections: () => Promise<readonly NamedCheckpoint[]>;
  /** The checkpoints of reactions, which also read the log. */
  readonly reactions: () => Promise<readonly NamedCheckpoint[]>;
  readonly progress: Progress;
  /** ms between two comparisons; 1,000 by default. */
  readonly intervalMs?: number;
}

/** Checkpoints that do not belong to the log: by name, each with a sentence that says why. */
export interface InvalidCheckpoints {
  readonly projections: ReadonlyMap<string, string>;
  readonly reactions: ReadonlyMap<string, string>;
}

const NONE: InvalidCheckpoints = { projections: new Map(), reactions: new Map() };

/**
 * Compares every checkpoint with the log, and the positions that this process remembers of read models with their
 * checkpoints. After a restore or a failover, a read model may be behind the position that it reported before.
 */
export const createCheckpointWatch = (options: CheckpointWatchOptions) => {
  const { log, progress, intervalMs = 1_000 } = options;
  let invalid = NONE;
  let remembered = new Map<string, bigint>();

  const compare = async (): Promise<void> => {
    // A position that was remembered at the last comparison has been committed since. A checkpoint behind it went back.
    const before = remembered;
    remembered = new Map(progress.positions);
    const [projections, reactions] = await Promise.all([options.projections(), options.reactions()]);
    for (const { name, position } of projections) {
      if (position < (before.get(name) ?? 0n)) progress.forget(name);
    }
    invalid = {
      projections: await findInvalidMarks(log, projections),
      reactions: await findInvalidMarks(log, reactions),
    };
    progress.refuse(invalid.projections.keys());
  };

  return {
    /** The invalid checkpoints, as the last successful comparison found them. */
    invalidCheckpoints: (): InvalidCheckpoints => invalid,
    /** Compares once. @throws Error the log or the database is not available */
    compare,
    /** Compares every `intervalMs` until the signal aborts. */
    watch: async (signal: AbortSignal): Promise<void> => {
      const stop = log.onHistoryChange(() => {
        for (const name of [...progress.positions.keys()]) progress.forget(name);
      });
      while (!signal.aborted) {
        // While the log or the database is not available, nothing is known about the checkpoints. Other checks report
        // that.
        await compare().catch(() => {});
        await sleep(intervalMs, signal);
      }
      stop();
    },
  };
};

export type CheckpointWatch = ReturnType<typeof createCheckpointWatch>;
