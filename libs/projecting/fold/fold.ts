import type { RecordedEvent } from '#event-log/port';
import { UnknownSchemaVersion } from '#event-log/upcasting';
import type { Parked } from '../checkpoints/checkpoint';
import { type Projection, partitionOf } from '../projection';
import { RowBuffer } from '../rows/row-buffer';

/** Characters that a text column refuses or changes. A reason that could not be stored would stop every partition. */
const UNSTORABLE = /[\0\p{Surrogate}]/gu;

/**
 * The reason, for an operator, why a handler or the database refused an event: without a stack, 1,000 characters at
 * most.
 */
export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 1_000).replace(UNSTORABLE, '\ufffd');

/** The partition of an event, parked at this event. */
export const parkedAt = (event: RecordedEvent, error: unknown): Parked => ({
  partition: partitionOf(event),
  outside: event.stream.tenantId === null,
  aggregate: event.stream.aggregate,
  position: event.position,
  type: event.type,
  schemaVersion: event.schemaVersion,
  kind: error instanceof UnknownSchemaVersion ? 'newer-release' : 'refused',
  error: reasonOf(error),
});

/**
 * Folds events into the buffer. An event that its handler refuses, or that this release cannot read, parks its
 * partition: later events of the partition are not folded. Events of all other partitions are.
 * @param parkedBefore partitions that are already parked; their events are not folded
 * @returns the partitions that are parked now
 */
export const foldEvents = (
  projection: Projection,
  events: readonly RecordedEvent[],
  parkedBefore: ReadonlySet<string>,
  buffer: RowBuffer,
): Parked[] => {
  const parked = new Map<string, Parked>();
  for (const event of events) {
    const isAnyParked = parkedBefore.size > 0 || parked.size > 0;
    if (isAnyParked) {
      const partition = partitionOf(event);
      if (parkedBefore.has(partition) || parked.has(partition)) continue;
    }
    try {
      projection.handle(event, buffer.writers);
      buffer.commit();
    } catch (error) {
      buffer.rollback();
      parked.set(partitionOf(event), parkedAt(event, error));
    }
  }
  return [...parked.values()];
};
