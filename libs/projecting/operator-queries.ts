import type { Pool, PoolClient } from 'pg';
import { withClient } from '#platform/database/connections/pools';

/** The queries and changes of operators. Each pool connects as the projector. */

export interface CheckpointRow {
  readonly projection: string;
  readonly version: number;
  /** Position in the log, as text. */
  readonly position: string;
  readonly state: string;
  /** The number of parked partitions, as text. */
  readonly parked: string;
  readonly moved: Date;
}

export interface ParkedPartitionRow {
  readonly projection: string;
  readonly partition: string;
  readonly position: string;
  readonly event_type: string;
  readonly kind: string;
  readonly attempts: number;
  readonly error: string;
}

export interface RebuildRow {
  readonly projection: string;
  readonly version: number;
  readonly state: string;
  readonly position: string;
  readonly target: string;
  readonly events: string;
  readonly attempt: number;
  readonly failures: number;
  readonly next: Date;
  readonly error: string | null;
}

const REBUILD =
  'projection, version, state, position, target, events, attempt, failures, next_attempt_at as next, error';

const rowsOf = async <R extends object>(pool: Pool, text: string, values: unknown[] = []): Promise<R[]> =>
  (await withClient(pool, (client) => client.query<R>(text, values))).rows;

/** The checkpoint of every projection, ordered by name. */
export const readCheckpoints = (pool: Pool): Promise<CheckpointRow[]> =>
  rowsOf(
    pool,
    `select c.projection, c.version, c.position, c.state, c.moved_at as moved,
       (select count(*) from projecting.parked p where p.projection = c.projection) as parked
     from projecting.checkpoints c order by c.projection`,
  );

/** Pauses or continues a projection in every worker. */
export const setCheckpointState = async (
  pool: Pool,
  projection: string,
  state: 'paused' | 'running',
): Promise<void> => {
  await rowsOf(pool, 'update projecting.checkpoints set state = $2, epoch = epoch + 1 where projection = $1', [
    projection,
    state,
  ]);
};

/** Raises the epoch of a checkpoint, so that no worker writes a batch that it folded from an earlier position. */
export const raiseCheckpointEpoch = async (client: Pick<PoolClient, 'query'>, projection: string): Promise<void> => {
  await client.query('update projecting.checkpoints set epoch = epoch + 1 where projection = $1', [projection]);
};

/** Parked partitions, in the order in which they were parked. */
export const readParkedPartitions = (pool: Pool): Promise<ParkedPartitionRow[]> =>
  rowsOf(
    pool,
    'select projection, partition, position, event_type, kind, attempts, error from projecting.parked order by parked_at',
  );

/**
 * Skipped events, in the order in which they were skipped. `cells` are projection, partition, position, type, operator,
 * time and error.
 */
export const readSkippedEvents = (pool: Pool): Promise<{ readonly cells: readonly string[] }[]> =>
  rowsOf(
    pool,
    `select array[projection, partition::text, position::text, event_type, skipped_by, skipped_at::text, error] as cells
     from projecting.skipped order by skipped_at`,
  );

/** Rebuilds that have not ended, in the order in which they were requested. */
export const readOpenRebuilds = (pool: Pool): Promise<RebuildRow[]> =>
  rowsOf(
    pool,
    `select ${REBUILD} from projecting.rebuilds where state not in ('done', 'superseded') order by requested_at`,
  );

/** One rebuild; undefined if there is none with this id. */
export const readRebuild = async (pool: Pool, id: string): Promise<RebuildRow | undefined> =>
  (await rowsOf<RebuildRow>(pool, `select ${REBUILD} from projecting.rebuilds where id = $1`, [id]))[0];
