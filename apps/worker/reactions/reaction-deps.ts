import type { CommandBus } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import type { EventToAppend } from '#event-log/port';
import type { Recorded } from '#projecting/projection';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';

/** The dependencies of the reactions. */
export interface ReactionDeps {
  readonly store: AggregateStore;
  readonly bus: CommandBus;
  /** Connects as the projector. */
  readonly pool: Pool;
  /** Waits for the read models that the reactions query. */
  readonly waiter: PositionWaiter;
}

/** Maximum number of commands for one event that run at the same time. */
const AT_ONCE = 16;

/**
 * Calls `work` for all targets, up to 16 at a time.
 * @throws the first error of `work`, or the reason of the signal; no further target is started after the signal aborts
 */
export const forEachOf = async <Target>(
  targets: readonly Target[],
  signal: AbortSignal,
  work: (target: Target) => Promise<unknown>,
): Promise<void> => {
  const remaining = targets.values();
  const worker = async (): Promise<void> => {
    for (const target of remaining) {
      signal.throwIfAborted();
      await work(target);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
};

/** The tenant of an event. @throws Error the event belongs to no tenant */
export const tenantIdOf = ({ stream }: Recorded<EventToAppend>): string => {
  if (stream.tenantId === null) throw new Error('the event belongs to no tenant');
  return stream.tenantId;
};
