import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import type { Notifications } from '#platform/database/connections/notifications';
import { withClient, within } from '#platform/database/connections/pools';
import type { PositionWaiter } from './position-waiter.port';
import type { Progress } from './progress';

export interface PositionWaiterOptions {
  /** The read models that clients can query. */
  readonly projections: readonly string[];
  readonly progress: Progress;
  readonly pool: Pool;
  /** Reports that a worker of another process moved a checkpoint; omitted if the worker is in this process. */
  readonly wake?: Notifications;
  /** ms between two looks at the checkpoints while somebody waits; 20 by default. */
  readonly pollMs?: number;
}

/** ms after which one look is given up for the next: all who wait wait for it. */
const LOOK_MS = 2_000;

interface Waiter {
  readonly position: Position;
  readonly done: (reached: boolean) => void;
}

/**
 * Waits for read models to have a position (read-your-writes). A projection in this process reports it immediately;
 * one that runs elsewhere is seen in its checkpoint, by one query for all who wait.
 */
export const createPositionWaiter = (options: PositionWaiterOptions): PositionWaiter & { close(): void } => {
  const { projections, progress, pool, wake, pollMs = 20 } = options;
  const waiters = new Set<Waiter>();
  let polling = false;
  let closed = false;
  let reached: Position | undefined;

  const everywhere = (): Position => {
    if (reached !== undefined) return reached;
    let least: Position | undefined;
    for (const projection of projections) {
      const position = progress.positions.get(projection) ?? 0n;
      if (least === undefined || position < least) least = position;
    }
    reached = least ?? 0n;
    return reached;
  };

  const look = (): void => {
    reached = undefined;
    if (waiters.size === 0) return;
    const position = everywhere();
    for (const waiter of waiters) if (waiter.position <= position) waiter.done(true);
  };

  const readCheckpoints = async (): Promise<void> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<{ projection: string; position: string }>(
        within(LOOK_MS, {
          name: 'read-checkpoints',
          text: 'select projection, position from projecting.checkpoints where projection = any($1)',
          values: [projections],
        }),
      ),
    );
    for (const { projection, position } of rows) progress.report(projection, BigInt(position));
  };

  /** Runs while somebody waits, and asks again after each answer: a wake-up only shortens the pause. */
  const poll = async (): Promise<void> => {
    polling = true;
    while (waiters.size > 0 && !closed) {
      await new Promise<void>((resolve) => {
        const stop = wake?.onWake(() => done());
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

  const stop = progress.onChange(look);
  return {
    waitFor: (position, timeoutMs) => {
      if (position <= everywhere()) return Promise.resolve(true);
      return new Promise((resolve) => {
        const waiter: Waiter = {
          position,
          done: (ok) => {
            clearTimeout(timer);
            waiters.delete(waiter);
            resolve(ok);
          },
        };
        const timer = setTimeout(() => waiter.done(false), timeoutMs);
        waiters.add(waiter);
        if (!polling) void poll();
      });
    },
    close: () => {
      closed = true;
      stop();
      for (const waiter of waiters) waiter.done(false);
    },
  };
};
