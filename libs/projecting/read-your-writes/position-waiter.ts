import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import type { Notifications } from '#platform/database/connections/notifications';
import { withClient, withQueryTimeout } from '#platform/database/connections/pools';
import type { PositionWaiter } from './position-waiter.port';
import type { Progress } from './progress';

export interface PositionWaiterOptions {
  /** The read models that clients can query. */
  readonly projections: readonly string[];
  readonly progress: Progress;
  readonly pool: Pool;
  /** Reports that a worker of another process has moved a checkpoint. Omit it if the worker is in this process. */
  readonly wake?: Notifications;
  /** ms between two reads of the checkpoints while a request waits; 20 by default. */
  readonly pollMs?: number;
}

/** ms after which one read of the checkpoints is abandoned and repeated, because all waiting requests depend on it. */
const READ_MS = 2_000;

interface Waiter {
  readonly position: Position;
  readonly done: (isReached: boolean) => void;
}

/**
 * Waits until read models have reached a position (read-your-writes). A projection in this process reports its position
 * immediately. The checkpoints of projections in other processes are read by one query for all waiting requests.
 */
export const createPositionWaiter = (options: PositionWaiterOptions): PositionWaiter & { close(): void } => {
  const { projections, progress, pool, wake, pollMs = 20 } = options;
  const waiters = new Set<Waiter>();
  let polling = false;
  let closed = false;
  /** The lowest position of all read models; undefined after a change, until it is computed again. */
  let lowest: Position | undefined;

  const lowestPosition = (): Position => {
    if (lowest !== undefined) return lowest;
    let least: Position | undefined;
    for (const projection of projections) {
      const position = progress.positions.get(projection) ?? 0n;
      if (least === undefined || position < least) least = position;
    }
    lowest = least ?? 0n;
    return lowest;
  };

  const answerWaiters = (): void => {
    lowest = undefined;
    if (waiters.size === 0) return;
    const position = lowestPosition();
    for (const waiter of waiters) if (waiter.position <= position) waiter.done(true);
  };

  const readCheckpoints = async (): Promise<void> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<{ projection: string; position: string }>(
        withQueryTimeout(READ_MS, {
          name: 'read-checkpoints',
          text: 'select projection, position from projecting.checkpoints where projection = any($1)',
          values: [projections],
        }),
      ),
    );
    for (const { projection, position } of rows) progress.report(projection, BigInt(position));
  };

  /**
   * Reads the checkpoints again and again while a request waits. A notification only shortens the pause between two
   * reads.
   */
  const poll = async (): Promise<void> => {
    polling = true;
    while (waiters.size > 0 && !closed) {
      await new Promise<void>((resolve) => {
        const stop = wake?.onNotification(() => done());
        const timer = setTimeout(() => done(), pollMs);
        const done = (): void => {
          stop?.();
          clearTimeout(timer);
          resolve();
        };
      });
      if (waiters.size > 0) await readCheckpoints().catch(() => {});
    }
    polling = false;
  };

  const stop = progress.onChange(answerWaiters);
  return {
    waitFor: (position, timeoutMs) => {
      if (position <= lowestPosition()) return Promise.resolve(true);
      return new Promise((resolve) => {
        const waiter: Waiter = {
          position,
          done: (isReached) => {
            clearTimeout(timer);
            waiters.delete(waiter);
            resolve(isReached);
          },
        };
        const timer = setTimeout(() => waiter.done(false), timeoutMs);
        waiters.add(waiter);
        if (!polling) void poll();
      });
    },
    /** Answers all waiting requests with false. */
    close: () => {
      closed = true;
      stop();
      for (const waiter of waiters) waiter.done(false);
    },
  };
};
