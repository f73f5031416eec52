import type { Pool, PoolClient } from 'pg';
import type { EventLog, Position, RecordedEvent } from '#event-log/port';
import { inTransaction, withClient } from '#platform/database/connections/pools';
import { isDataError } from '#platform/database/data-error';
import { LIVE_SCHEMA, type Parked } from '../checkpoints/checkpoint';
import { foldEvents } from '../fold/fold';
import { findStops, foldUntil } from '../fold/poison';
import { rememberSkip, withoutSkipped } from '../fold/skips';
import type { Projection } from '../projection';
import { RowBuffer } from '../rows/row-buffer';
import { rowStatement } from '../rows/row-statements';
import { missedEvents, type ParkedPartition } from './missed-events';

/** What became of a partition that was to continue. `other-version`: the read model is not of this release's version. */
export type Resumed = 'resumed' | 'refused' | 'unknown' | 'other-version';

interface ResumeOptions {
  /** The operator who leaves out the event at which the partition is parked; left out: the event is tried again. */
  readonly skippedBy?: string;
}

/** A parked partition, and the version of the read model in which it is. */
type Found = ParkedPartition & { readonly version: number };

const findParked = async (client: PoolClient, projection: string, partition: string): Promise<Found | undefined> => {
  const { rows } = await client.query<Omit<Found, 'position'> & { position: string }>(
    `select p.partition, p.outside, p.aggregate, p.position, p.error, c.version
     from projecting.parked p join projecting.checkpoints c using (projection)
     where p.projection = $1 and p.partition = $2`,
    [projection, partition],
  );
  return rows[0] && { ...rows[0], position: BigInt(rows[0].position) };
};

/** Writes rows; where the database refuses them, undoes them alone. @returns false where it refused them */
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

/** Writes what a partition has missed, up to the event that is refused. @returns the event that is refused, if one is */
const fold = async (
  client: PoolClient,
  pool: Pool,
  projection: Projection,
  events: readonly RecordedEvent[],
): Promise<Parked | undefined> => {
  const buffer = new RowBuffer(projection.tables);
  const refused = foldEvents(projection, events, new Set(), buffer);
  if (await write(client, projection, buffer)) return refused[0];
  const stops = await findStops(pool, projection, events, refused);
  if (!(await write(client, projection, foldUntil(projection, events, stops))))
    throw new Error(`the database refuses rows of ${projection.name}, but no event alone; try again`);
  return stops[0];
};

const parkAgain = (client: PoolClient, projection: string, { partition, position, type, error, ...more }: Parked) =>
  client.query(
    `update projecting.parked set position = $3, event_type = $4, error = $5, kind = $6, schema_version = $7,
       attempts = attempts + 1
     where projection = $1 and partition = $2`,
    [projection, partition, position.toString(), type, error, more.kind, more.schemaVersion],
  );

/** One part of what a partition has missed, in a transaction of its own. @returns undefined where more is to come */
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
  const [held] = rows;
  const still = await findParked(client, name, parked.partition);
  if (!held || !still) return 'unknown';
  if (still.version !== projection.version) return 'other-version';
  // Another worker has done this part.
  if (still.position !== parked.position) return undefined;
  const to = BigInt(held.position);
  const events = [...part.events];
  let done = part.position;
  // The projection has stopped for the last part alone, which is short: the partition was at the head a moment ago.
  while (part.isLast && done < to) {
    const page = await missedEvents(log, parked, projection.types, done + 1n);
    events.push(...page.events);
    if (page.position <= done) break;
    done = page.position;
  }
  const refused = await fold(
    client,
    pool,
    projection,
    events.filter(({ position }) => position <= to),
  );
  if (refused) {
    await parkAgain(client, name, refused);
    return 'refused';
  }
  if (!part.isLast && done < to) {
    await client.query('update projecting.parked set position = $3 where projection = $1 and partition = $2', [
      ...[name, parked.partition, (done + 1n).toString()],
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
 * Folds what a parked partition has missed and lets it continue with the others. Other partitions continue meanwhile, but for the moment in
 * which a part of 1,000 events is written. Where another event is refused the partition is parked there: what came before it
 * is in the read model then. An event that is skipped is left out of every later fold, a rebuild's too.
 * @returns `unknown` where no such partition is parked
 * @throws what the log or the database throws; the partition is then still parked, behind what was written
 */
export const resumePartition = async (
  pool: Pool,
  log: EventLog,
  asked: Projection,
  partition: string,
  { skippedBy }: ResumeOptions = {},
): Promise<Resumed> => {
  const first = await withClient(pool, (client) => findParked(client, asked.name, partition));
  if (first && first.version !== asked.version) return 'other-version';
  if (first && skippedBy !== undefined) {
    const { events } = await missedEvents(log, first, asked.types, first.position);
    const event = events.find(({ position }) => position === first.position);
    const skip = { error: first.error, by: skippedBy };
    if (event) await withClient(pool, (client) => rememberSkip(client, asked.name, event, skip));
  }
  const projection = await withoutSkipped(pool, asked);
  for (;;) {
    const parked = await withClient(pool, (client) => findParked(client, asked.name, partition));
    if (!parked) return first ? 'resumed' : 'unknown';
    const { events, position, caughtUp } = await missedEvents(log, parked, projection.types, parked.position);
    const part = { events, position, isLast: caughtUp };
    const outcome = await inTransaction(pool, (client) => resumePart(client, pool, log, projection, parked, part));
    if (outcome) return outcome;
  }
};
