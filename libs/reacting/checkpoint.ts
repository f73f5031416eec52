import type { Pool } from 'pg';
import { heldByLog, type LogMark, type LogPlace, markText, parseMark } from '../event-log/mark';
import type { RecordedEvent } from '../event-log/port';
import { withClient } from '../platform/database/pools';

/** A worker's right to be at a reaction, for as long as it renews it. */
export interface Lease {
  readonly reaction: string;
  /** UUID of the worker's turn. */
  readonly holder: string;
  readonly leaseMs: number;
}

/**
 * Another worker has the lease, or the log, in the same database, does not hold the event to move to: nothing was written.
 */
export class Lost extends Error {
  override readonly name = 'Lost';
}

const CLAIM = {
  name: 'reacting-claim',
  text: `insert into reacting.checkpoints as c (reaction, holder, leased_until)
    values ($1, $2, clock_timestamp() + $3 * interval '1 millisecond')
    on conflict (reaction) do update set holder = excluded.holder, leased_until = excluded.leased_until
      where c.holder = excluded.holder or c.leased_until < clock_timestamp()
    returning position, mark::text`,
};

/** @returns how far the reaction is; undefined where another worker is at it */
export const claim = async (pool: Pool, { reaction, holder, leaseMs }: Lease): Promise<LogPlace | undefined> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ position: string; mark: string | null }>({
      ...CLAIM,
      values: [reaction, holder, leaseMs],
    });
    const [row] = rows;
    return row && { position: BigInt(row.position), mark: row.mark === null ? undefined : parseMark(row.mark) };
  });

const HELD = `with held as (
    update reacting.checkpoints set leased_until = clock_timestamp() + $3 * interval '1 millisecond',
      position = greatest(position, $4::numeric),
      mark = case when position < $4::numeric then coalesce($5::event_log.mark, mark) else mark end,
      moved_at = case when position < $4::numeric then now() else moved_at end
    where reaction = $1 and holder = $2 and (position >= $4::numeric or ${heldByLog('$5')}) returning 1
  )`;

const MOVE = { name: 'reacting-move', text: `${HELD} select 1 from held` };

const PARK = {
  name: 'reacting-park',
  text: `${HELD} insert into reacting.parked (reaction, position, event_id, event_type, lane, outside, aggregate,
      aggregate_id, version, error, attempts)
    select $1, $4, $6, $7, $8, $9, $10, $11, $12, $13, $14 from held
    on conflict (reaction, event_id) do update
      set error = excluded.error, attempts = parked.attempts + excluded.attempts, retry = false
    returning 1`,
};

const write = async (
  pool: Pool,
  statement: typeof MOVE,
  lease: Lease,
  { position, mark }: LogPlace,
  ...values: unknown[]
): Promise<void> => {
  const place = [position.toString(), mark ? markText(mark) : null];
  const { rowCount } = await withClient(pool, (client) =>
    client.query({ ...statement, values: [lease.reaction, lease.holder, lease.leaseMs, ...place, ...values] }),
  );
  if (rowCount === 0) throw new Lost();
};

/** Renews the lease and says how far the reaction is. @throws Lost */
export const move = (pool: Pool, lease: Lease, to: LogPlace): Promise<void> => write(pool, MOVE, lease, to);

/** Sets an event aside and moves behind it. @throws Lost */
export const park = (
  pool: Pool,
  lease: Lease,
  { id, position, type, stream, version }: RecordedEvent,
  mark: LogMark,
  error: string,
  attempts: number,
): Promise<void> => {
  const { tenantId, aggregate, id: aggregateId } = stream;
  const place = [tenantId ?? aggregateId, tenantId === null, aggregate, aggregateId, version];
  return write(pool, PARK, lease, { position, mark }, id, type, ...place, error, attempts);
};

/** Lets another worker come at once. */
export const release = async (pool: Pool, { reaction, holder }: Lease): Promise<void> => {
  await withClient(pool, (client) =>
    client.query(`update reacting.checkpoints set leased_until = '-infinity' where reaction = $1 and holder = $2`, [
      reaction,
      holder,
    ]),
  );
};
