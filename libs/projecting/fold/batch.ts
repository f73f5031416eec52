import type { Pool } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';
import { type Advance, advance, advanceOf, type Checkpoint, type Parked } from '../checkpoints/checkpoint';
import type { Projection } from '../projection';
import { findStops, foldUntil, isDataError } from './poison';

/** Events that were folded, and what they came to. */
export interface Batch {
  readonly events: readonly RecordedEvent[];
  /** Partitions whose event a handler refused. */
  readonly parked: readonly Parked[];
  readonly statement: Advance;
}

export interface BatchOptions {
  readonly pool: Pool;
  readonly logger: Logger;
}

/** Another worker, an operator or a rebuild moved the checkpoint: nothing was written. */
export class CheckpointLost extends Error {}

/** The batch was written but for partitions that the database refused; what was folded since holds them and is of no use. */
export class Refolding extends Error {}

/**
 * Writes a batch and moves the checkpoint behind it. Where the database refuses a row, its partition is parked at the event
 * that it comes from, and what stands before that in the partition is written with all the others.
 * @throws Lost, Refolding, or what the database throws
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
    throw new Refolding();
  }
};

const writeWithoutRefused = async (
  projection: Projection,
  { events, parked, statement: { to, mark } }: Batch,
  pool: Pool,
  write: (statement: Advance, parked: readonly Parked[]) => Promise<void>,
  error: unknown,
): Promise<void> => {
  const stopped = await findStops(pool, projection, events, parked);
  // No event is refused by itself now: what was refused has changed in the meantime, and the batch is tried again.
  if (stopped.length === parked.length && stopped.every((one) => parked.includes(one))) throw error;
  const { folded } = foldUntil(projection, events, stopped);
  await write(advanceOf(projection, { to, mark, folded, parked: stopped }), stopped);
};
