import type { Pool } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';
import { type Advance, advance, advanceOf, type Checkpoint, type Parked } from '../checkpoints/checkpoint';
import type { Projection } from '../projection';
import { findRefusedEvents, foldUntil, isDataError } from './poison';

/** Folded events and the statement that writes the result. */
export interface Batch {
  readonly events: readonly RecordedEvent[];
  /** Partitions that are parked because a handler refused one of the events. */
  readonly parked: readonly Parked[];
  readonly statement: Advance;
}

export interface BatchOptions {
  readonly pool: Pool;
  readonly logger: Logger;
}

/** Nothing was written, because another worker, an operator or a rebuild has changed the checkpoint. */
export class CheckpointLost extends Error {}

/**
 * The batch was written without the rows that the database refused. Later batches that are already folded still contain
 * events of the partitions that are parked now, so they must be folded again.
 */
export class RefoldRequired extends Error {}

/**
 * Writes a batch and moves the checkpoint behind it. If the database refuses a row, the partition is parked at the
 * event of that row; the earlier events of the partition and all other partitions are written.
 * @returns the new checkpoint
 * @throws CheckpointLost, RefoldRequired, or the error of the database
 */
export const writeBatch = async (
  projection: Projection,
  from: Checkpoint,
  batch: Batch,
  { pool, logger }: BatchOptions,
): Promise<Checkpoint> => {
  const write = async (statement: Advance, parked: readonly Parked[]): Promise<void> => {
    const moved = await withClient(pool, (client) => advance(client, from, statement));
    if (!moved) throw new CheckpointLost();
    for (const { partition, type, kind, error } of parked) {
      const fields = { projection: projection.name, partition, type, reason: error };
      if (kind === 'refused') logger.error(fields, 'the projection refused an event; its partition is parked');
      else
        logger.warn(
          fields,
          'an event of a newer release was read; its partition is parked until a worker of that release runs',
        );
    }
  };
  try {
    await write(batch.statement, batch.parked);
    const { to, mark } = batch.statement;
    return { ...from, position: to, mark: mark ?? from.mark };
  } catch (error) {
    if (!isDataError(error)) throw error;
    await writeWithoutRefused(projection, batch, pool, write, error);
    throw new RefoldRequired();
  }
};

const writeWithoutRefused = async (
  projection: Projection,
  { events, parked, statement: { to, mark } }: Batch,
  pool: Pool,
  write: (statement: Advance, parked: readonly Parked[]) => Promise<void>,
  error: unknown,
): Promise<void> => {
  const refused = await findRefusedEvents(pool, projection, events, parked);
  // No single event is refused now, because the rows have changed since. The whole batch is tried again.
  if (refused.length === parked.length && refused.every((one) => parked.includes(one))) throw error;
  const { folded } = foldUntil(projection, events, refused);
  await write(advanceOf(projection, { to, mark, folded, parked: refused }), refused);
};
