import type { Pool, PoolClient } from 'pg';
import { heldByLog, type LogMark, markText, parseMark } from '#event-log/mark';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import type { Projection } from '../projection';
import type { Folded } from '../rows/row-buffer';
import { rowStatement, statementName } from '../rows/row-statements';

export const LIVE_SCHEMA = 'read_model';

export interface Checkpoint {
  readonly version: number;
  readonly position: Position;
  /** The event that it lies at, or the last one before it; undefined: not known. */
  readonly mark: LogMark | undefined;
  readonly epoch: number;
  readonly state: 'running' | 'paused';
}

/**
 * Why a partition has stopped. `refused`: a handler or the database refused the event; an operator retries or skips it.
 * `newer-release`: this release can't read the event; a worker that can continues by itself.
 */
export type ParkedKind = 'refused' | 'newer-release';

export interface Parked {
  readonly partition: string;
  readonly outside: boolean;
  readonly aggregate: string;
  readonly position: Position;
  readonly type: string;
  /** Of the event's data, as it is stored where this release does not know it. */
  readonly schemaVersion: number;
  readonly kind: ParkedKind;
  readonly error: string;
}

/** Undefined where the projection is not installed. */
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

/** What a batch of events comes to. */
export interface Folding {
  /** How far the log has been read. */
  readonly to: Position;
  /** The event there, or the last one before it; left out where it is not known. */
  readonly mark?: LogMark | undefined;
  readonly folded: Folded;
  /** Partitions that have stopped from one of the events on. */
  readonly parked: readonly Parked[];
}

/** A batch as one statement: all of it but where the checkpoint has to stand. */
export interface Advance {
  readonly projection: string;
  readonly to: Position;
  readonly mark: LogMark | undefined;
  readonly text: string;
  readonly values: readonly (string | readonly (string | boolean | number)[])[];
}

/**
 * Puts a batch's rows and the move of the checkpoint in one statement, and so in one transaction and one round trip. Takes
 * about as long as folding the batch: best done while the batch before it is being written.
 */
export const advanceOf = ({ name, tables }: Projection, { to, mark, folded, parked }: Folding): Advance => {
  const parking = parked.length > 0;
  const rows = rowStatement(LIVE_SCHEMA, tables, folded, 'exists (select from held)', parking ? 14 : 6);
  const expressions = parking ? [PARK, ...rows.expressions] : rows.expressions;
  const text = `with held as materialized (
    select from projecting.checkpoints
    where projection = $1 and (mark is null or (mark).log_id is not distinct from ($5::event_log.mark).log_id
        or $5::event_log.mark is null)
      and ${heldByLog('$5')}
      and position = $2 and epoch = $3 and state = 'running' for update skip locked
  ), ${expressions.map((sql, at) => `r${at} as (${sql}), `).join('')}moved as (
    update projecting.checkpoints set position = $4, mark = coalesce($5::event_log.mark, mark), moved_at = now()
    where projection = $1 and exists (select from held) returning 1
  ) select count(*)::integer as moved from moved`;
  const partitions = parking
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
 * Carries it out. The checkpoint row is the lock: held by another worker, or moved since it was read, nothing happens. Nor
 * where it is of another log, or where the log, in the same database, does not hold the event that it would lie at: the
 * database went back to an older copy, and what was folded is of events that are not there any more.
 * @returns false where nothing happened
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
