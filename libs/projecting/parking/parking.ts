import type { Pool, PoolClient } from 'pg';
import type { EventLog, Position, RecordedEvent } from '#event-log/port';
import { inTransaction, withClient } from '#platform/database/connections/pools';
import { isDataError } from '#platform/database/data-error';
import { LIVE_SCHEMA, type Parked } from '../checkpoints/checkpoint';
import { foldEvents } from '../fold/fold';
import { findRefusedEvents, foldUntil } from '../fold/poison';
import { recordSkip, withoutSkipped } from '../fold/skips';
import type { Projection } from '../projection';
import { RowBuffer } from '../rows/row-buffer';
import { rowStatement } from '../rows/row-statements';
import { missedEvents, type ParkedPartition } from './missed-events';

/**
 * The result of resuming a partition. `resumed`: it is no longer parked. `refused`: it is parked at the same or a later
 * event. `unknown`: no such partition is parked. `other-version`: the installed read model has another version than
 * this release.
 */
export type Resumed = 'resumed' | 'refused' | 'unknown' | 'other-version';

interface ResumeOptions {
  /** The operator who skips the event at which the partition is parked. If omitted, the event is tried again. */
  readonly skippedBy?: string;
}

/** A parked partition, and the installed version of its read model. */
type InstalledPartition = ParkedPartition & { readonly version: number };

const findParked = async (
  client: PoolClient,
  projection: string,
  partition: string,
): Promise<InstalledPartition | undefined> => {
  const { rows } = await client.query<Omit<InstalledPartition, 'position'> & { position: string }>(
    `select p.partition, p.outside, p.aggregate, p.position, p.error, c.version
     from projecting.parked p join projecting.checkpoints c using (projection)
     where p.projection = $1 and p.partition = $2`,
    [projection, partition],
  );
  return rows[0] && { ...rows[0], position: BigInt(rows[0].position) };
};

/**
 * Writes rows in the open transaction; if the database refuses them, only they are rolled back.
 * @returns false if it refused them
 */
const write = async (client: PoolClient, projection: Projection, buffer: RowBuffer): Promise<boolean> => {
  const { expressions, values } = rowStatement(LIVE_SCHEMA, projection.tables, buffer.folded, 'true', 1);
  if (expressions.length === 0) return true;
  await client.query('savepoint rows');
  try {
    await client.query(`with ${expressions.map((sql, at) => `r${at} as (${sql})`).join(', ')} select 1`, values);
    await client.query('release savepoint rows');
    return true;
  } catch (error) {
    if (!isDataError(error)) throw error;
    await client.query('rollback to savepoint rows');
    return false;
  }
};

/**
 * Folds the events that a partition has missed and writes the rows, up to the first refused event.
 * @returns that event; undefined if none is refused
 */
const foldMissed = async (
  client: PoolClient,
  pool: Pool,
  projection: Projection,
  events: readonly RecordedEvent[],
): Promise<Parked | undefined> => {
  const buffer = new RowBuffer(projection.tables);
  const parked = foldEvents(projection, events, new Set(), buffer);
  if (await write(client, projection, buffer)) return parked[0];
  const refused = await findRefusedEvents(pool, projection, events, parked);
  if (!(await write(client, projection, foldUntil(projection, events, refused))))
    throw new Error(`the database refuses rows of ${projection.name}, but the rows of no single event; try again`);
  return refused[0];
};

const parkAgain = (client: PoolClient, projection: string, { partition, position, type, error, ...more }: Parked) =>
  client.query(
    `update projecting.parked set position = $3, event_type = $4, error = $5, kind = $6, schema_version = $7,
       attempts = attempts + 1
     where projection = $1 and partition = $2`,
    [projection, partition, position.toString(), type, error, more.kind, more.schemaVersion],
  );

/**
 * Writes one part of the events that a partition has missed, in the transaction of the client.
 * @returns undefined if more parts follow
 */
const resumePart = async (
  client: PoolClient,
  pool: Pool,
  log: EventLog,
  projection: Projection,
  parked: ParkedPartition,
  part: { readonly events: readonly RecordedEvent[]; readonly position: Position; readonly isLast: boolean },
): Promise<Resumed | undefined> => {
  const { name } = projection;
  const { rows } = await client.query<{ position: string }>(
    'select position from projecting.checkpoints where projection = $1 for update',
    [name],
  );
  const [checkpoint] = rows;
  const current = await findParked(client, name, parked.partition);
  if (!checkpoint || !current) return 'unknown';
  if (current.version !== projection.version) return 'other-version';
  // Another worker has written this part.
  if (current.position !== parked.position) return undefined;
  const to = BigInt(checkpoint.position);
  const events = [...part.events];
  let readTo = part.position;
  // The checkpoint may have moved since the last part was read. That part ended at the head of the log, so few events
  // remain. This matters, because the row of the checkpoint is locked here, and the projection cannot write meanwhile.
  while (part.isLast && readTo < to) {
    const page = await missedEvents(log, parked, projection.types, readTo + 1n);
    events.push(...page.events);
    if (page.position <= readTo) break;
    readTo = page.position;
  }
  const refused = await foldMissed(
    client,
    pool,
    projection,
    events.filter(({ position }) => position <= to),
  );
  if (refused) {
    await parkAgain(client, name, refused);
    return 'refused';
  }
  if (!part.isLast && readTo < to) {
    await client.query('update projecting.parked set position = $3 where projection = $1 and partition = $2', [
      ...[name, parked.partition, (readTo + 1n).toString()],
    ]);
    return undefined;
  }
  await client.query('delete from projecting.parked where projection = $1 and partition = $2', [
    name,
    parked.partition,
  ]);
  await client.query('update projecting.checkpoints set epoch = epoch + 1 where projection = $1', [name]);
  return 'resumed';
};

/**
 * Folds the events that a parked partition has missed, and unparks it. Other partitions wait only while a part of 1,000
 * events is written. If an event is refused, the partition is parked at that event, and the earlier events are in the
 * read model. A skipped event is left out of every later fold, also by rebuilds.
 * @param requested the projection as this release defines it
 * @throws the error of the log or of the database; the partition then stays parked after the last part that was written
 */
export const resumePartition = async (
  pool: Pool,
  log: EventLog,
  requested: Projection,
  partition: string,
  { skippedBy }: ResumeOptions = {},
): Promise<Resumed> => {
  const first = await withClient(pool, (client) => findParked(client, requested.name, partition));
  if (first && first.version !== requested.version) return 'other-version';
  if (first && skippedBy !== undefined) {
    const { events } = await missedEvents(log, first, requested.types, first.position);
    const event = events.find(({ position }) => position === first.position);
    const skip = { error: first.error, by: skippedBy };
    if (event) await withClient(pool, (client) => recordSkip(client, requested.name, event, skip));
  }
  const projection = await withoutSkipped(pool, requested);
  for (;;) {
    const parked = await withClient(pool, (client) => findParked(client, requested.name, partition));
    if (!parked) return first ? 'resumed' : 'unknown';
    const { events, position, caughtUp } = await missedEvents(log, parked, projection.types, parked.position);
    const part = { events, position, isLast: caughtUp };
    const outcome = await inTransaction(pool, (client) => resumePart(client, pool, log, projection, parked, part));
    if (outcome) return outcome;
  }
};
