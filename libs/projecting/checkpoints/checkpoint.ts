import type { Pool, PoolClient } from 'pg';
import { type LogMark, logHoldsMark, markText, parseMark } from '#event-log/mark';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import type { Projection } from '../projection';
import type { Folded } from '../rows/row-buffer';
import { rowStatement, statementName } from '../rows/row-statements';

export const LIVE_SCHEMA = 'read_model';

export interface Checkpoint {
  readonly version: number;
  readonly position: Position;
  /** The event at the position, or the last event before it; undefined if it is not known. */
  readonly mark: LogMark | undefined;
  /** Grows with each pause, resumed partition and rebuild, so that no batch is written that was folded before. */
  readonly epoch: number;
  readonly state: 'running' | 'paused';
}

/**
 * Why a partition is parked. `refused`: a handler or the database refused the event; an operator must retry or skip it.
 * `newer-release`: this release cannot read the event; a worker of a release that can read it resumes the partition.
 */
export type ParkedKind = 'refused' | 'newer-release';

/** A partition that is parked at an event. */
export interface Parked {
  readonly partition: string;
  /** True for the partition of a stream outside tenants. */
  readonly outside: boolean;
  readonly aggregate: string;
  readonly position: Position;
  readonly type: string;
  /** The version of the event's data: the stored one if this release does not know it. */
  readonly schemaVersion: number;
  readonly kind: ParkedKind;
  readonly error: string;
}

/** The checkpoint of a projection; undefined if the projection is not installed. */
export const readCheckpoint = async (pool: Pool, projection: string): Promise<Checkpoint | undefined> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{
      version: number;
      position: string;
      mark: string | null;
      epoch: number;
      state: Checkpoint['state'];
    }>({
      name: 'read-checkpoint',
      text: 'select version, position, mark::text, epoch, state from projecting.checkpoints where projection = $1',
      values: [projection],
    });
    const [row] = rows;
    return row && { ...row, position: BigInt(row.position), mark: row.mark === null ? undefined : parseMark(row.mark) };
  });

export const readParkedPartitions = async (pool: Pool, projection: string): Promise<Set<string>> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ partition: string }>({
      name: 'read-parked-partitions',
      text: 'select partition from projecting.parked where projection = $1',
      values: [projection],
    });
    return new Set(rows.map(({ partition }) => partition));
  });

const PARK = `insert into projecting.parked
    (projection, partition, outside, aggregate, position, event_type, error, kind, schema_version)
  select $1, v.* from unnest($6::uuid[], $7::boolean[], $8::text[], $9::numeric[], $10::text[], $11::text[], $12::text[],
    $13::integer[]) as v
  where exists (select from held) on conflict (projection, partition) do nothing`;

/** The result of folding a batch of events. */
export interface FoldResult {
  /** The position up to which the log was read. */
  readonly to: Position;
  /** The event at that position, or the last event before it; omitted if it is not known. */
  readonly mark?: LogMark | undefined;
  readonly folded: Folded;
  /** Partitions that were parked at one of the events. */
  readonly parked: readonly Parked[];
}

/** A batch as one SQL statement. The parameters of the checkpoint to start from are added by {@link advance}. */
export interface Advance {
  readonly projection: string;
  readonly to: Position;
  readonly mark: LogMark | undefined;
  readonly text: string;
  readonly values: readonly (string | readonly (string | boolean | number)[])[];
}

/**
 * Builds the statement that writes the rows of a batch and moves the checkpoint, so that both happen in one transaction
 * and one round trip. This takes about as long as folding the batch, so it is best done while the previous batch is
 * written.
 */
export const advanceOf = ({ name, tables }: Projection, { to, mark, folded, parked }: FoldResult): Advance => {
  const hasParked = parked.length > 0;
  const rows = rowStatement(LIVE_SCHEMA, tables, folded, 'exists (select from held)', hasParked ? 14 : 6);
  const expressions = hasParked ? [PARK, ...rows.expressions] : rows.expressions;
  const text = `with held as materialized (
    select from projecting.checkpoints
    where projection = $1 and (mark is null or (mark).log_id is not distinct from ($5::event_log.mark).log_id
        or $5::event_log.mark is null)
      and ${logHoldsMark('$5')}
      and position = $2 and epoch = $3 and state = 'running' for update skip locked
  ), ${expressions.map((sql, at) => `r${at} as (${sql}), `).join('')}moved as (
    update projecting.checkpoints set position = $4, mark = coalesce($5::event_log.mark, mark), moved_at = now()
    where projection = $1 and exists (select from held) returning 1
  ) select count(*)::integer as moved from moved`;
  const partitions = hasParked
    ? [
        parked.map((it) => it.partition),
        parked.map((it) => it.outside),
        parked.map((it) => it.aggregate),
        parked.map((it) => it.position.toString()),
        parked.map((it) => it.type),
        parked.map((it) => it.error),
        parked.map((it) => it.kind),
        parked.map((it) => it.schemaVersion),
      ]
    : [];
  return { projection: name, to, mark, text, values: [...partitions, ...rows.values] };
};

/**
 * Executes the statement of a batch. The row of the checkpoint serves as the lock. Nothing is written in these cases:
 * - Another worker holds the row, or the checkpoint has changed since it was read.
 * - The checkpoint belongs to another log.
 * - The log is in the same database and does not contain the event of the new mark. The database was then replaced by
 *   an older copy, and the batch was folded from events that no longer exist.
 * @returns false if nothing was written
 */
export const advance = async (
  client: PoolClient,
  from: Checkpoint,
  { projection, to, mark, text, values }: Advance,
): Promise<boolean> => {
  const { rows } = await client.query<{ moved: number }>({
    name: statementName(text),
    text,
    values: [projection, from.position.toString(), from.epoch, to.toString(), mark ? markText(mark) : null, ...values],
  });
  return rows[0]?.moved === 1;
};
