import type { CommandBus } from '@nestjs/cqrs';
import type { Pool } from 'pg';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import type { EventToAppend } from '#event-log/port';
import type { Recorded } from '#projecting/projection';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';

/** What the reactions are made of. */
export interface ReactionDeps {
  readonly store: AggregateStore;
  readonly bus: CommandBus;
  /** Connects as the projector. */
  readonly pool: Pool;
  /** Of the read models that the reactions ask. */
  readonly waiter: PositionWaiter;
}

/** Commands of one event that are under way at once. */
const AT_ONCE = 16;

/** Does it for all targets, some at a time; those that are left when the signal aborts are left. */
export const forEachOf = async <Target>(
  targets: readonly Target[],
  signal: AbortSignal,
  work: (target: Target) => Promise<unknown>,
): Promise<void> => {
  const left = targets.values();
  const worker = async (): Promise<void> => {
    for (const target of left) {
      signal.throwIfAborted();
      await work(target);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
};

/** The tenant of an event that belongs to one. */
export const tenantIdOf = ({ stream }: Recorded<EventToAppend>): string => {
  if (stream.tenantId === null) throw new Error('the event belongs to no tenant');
  return stream.tenantId;
};
