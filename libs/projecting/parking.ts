import type { Pool, PoolClient } from 'pg';
import type { EventLog, Position, RecordedEvent } from '../event-log/port';
import { inTransaction } from '../platform/database/pools';
import { LIVE_SCHEMA, type Parked } from './checkpoint';
import { foldEvents, parkedAt } from './fold';
import { isDataError } from './poison';
import type { Projection } from './projection';
import { RowBuffer } from './row-buffer';
import { rowStatement } from './row-statements';

interface ParkedRow {
  readonly lane: string;
  readonly outside: boolean;
  readonly aggregate: string;
  readonly position: string;
}

const PAGE = 1_000;

/** The events that a lane has missed: from `from` (inclusive) to `to` (inclusive). */
async function* missed(
  log: EventLog,
  row: ParkedRow,
  types: readonly string[],
  from: Position,
  to: Position,
): AsyncGenerator<RecordedEvent[]> {
  if (row.outside) {
    const events = await log.readStream({ tenantId: null, aggregate: row.aggregate, id: row.lane });
    yield events.filter(({ position, type }) => position >= from && position <= to && types.includes(type));
    return;
  }
  for (let after = from - 1n; after < to; ) {
    const page = await log.readAll({ after, tenantId: row.lane, types, limit: PAGE });
    yield page.events.filter(({ position }) => position <= to);
    if (page.position <= after) return;
    after = page.position;
  }
}

/** Folds one event; what the database refuses of it is undone alone. */
const foldOne = async (
  client: PoolClient,
  projection: Projection,
  event: RecordedEvent,
): Promise<Parked | undefined> => {
  const buffer = new RowBuffer(projection.tables);
  const [refused] = foldEvents(projection, [event], new Set(), buffer);
  if (refused) return refused;
  const { expressions, values } = rowStatement(LIVE_SCHEMA, projection.tables, buffer.folded, 'true', 1);
  if (expressions.length === 0) return undefined;
  await client.query('savepoint one');
  try {
    await client.query(`with ${expressions.map((sql, at) => `r${at} as (${sql})`).join(', ')} select 1`, values);
    await client.query('release savepoint one');
    return undefined;
  } catch (error) {
    if (!isDataError(error)) throw error;
    await client.query('rollback to savepoint one');
    return parkedAt(event, error);
  }
};

/**
 * Folds what a parked lane has missed and lets it go on with the others. `skip` leaves out the event that was refused.
 * The projection stands still meanwhile. Where another event is refused the lane is parked there: what came before it is
 * in the read model then.
 * @returns `resumed`; `refused` with the lane parked; `unknown` where no such lane is parked
 */
export const resumeLane = (
  pool: Pool,
  log: EventLog,
  projection: Projection,
  lane: string,
  { skip }: { skip: boolean },
): Promise<'resumed' | 'refused' | 'unknown'> =>
  inTransaction(pool, async (client) => {
    const { rows: held } = await client.query<{ position: string }>(
      'select position from projecting.checkpoints where projection = $1 for update',
      [projection.name],
    );
    const { rows } = await client.query<ParkedRow>(
      'select lane, outside, aggregate, position from projecting.parked where projection = $1 and lane = $2',
      [projection.name, lane],
    );
    const [parked] = rows;
    if (!held[0] || !parked) return 'unknown';
    const from = BigInt(parked.position) + (skip ? 1n : 0n);
    for await (const events of missed(log, parked, projection.types, from, BigInt(held[0].position))) {
      for (const event of events) {
        const refused = await foldOne(client, projection, event);
        if (!refused) continue;
        await client.query(
          `update projecting.parked set position = $3, event_type = $4, error = $5, attempts = attempts + 1
           where projection = $1 and lane = $2`,
          [projection.name, lane, refused.position.toString(), refused.type, refused.error],
        );
        return 'refused';
      }
    }
    await client.query('delete from projecting.parked where projection = $1 and lane = $2', [projection.name, lane]);
    await client.query('update projecting.checkpoints set epoch = epoch + 1 where projection = $1', [projection.name]);
    return 'resumed';
  });
