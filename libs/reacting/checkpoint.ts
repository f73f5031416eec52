import type { Pool } from 'pg';
import { type CheckpointMark, logHoldsMark, markText, parseMark } from '#event-log/mark';
import type { RecordedEvent } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';

/** The lease of a reaction: the right of one worker to answer its events, which ends unless the worker renews it. */
export interface ReactionLease {
  readonly reaction: string;
  /** Fencing token: a UUID for this claim alone. Every statement that writes under the lease checks it. */
  readonly token: string;
  /** ms after which the lease ends unless it is renewed. */
  readonly leaseMs: number;
}

/**
 * Nothing was written. Either another worker has the lease, or the log is in the same database and does not contain the
 * event of the new checkpoint.
 */
export class ReactionLeaseLost extends Error {
  override readonly name = 'ReactionLeaseLost';
}

const CLAIM = {
  name: 'reacting-claim',
  text: `insert into reacting.checkpoints as c (reaction, holder, leased_until)
    values ($1, $2, lease.now() + $3 * interval '1 millisecond')
    on conflict (reaction) do update set holder = excluded.holder, leased_until = excluded.leased_until
      where c.holder = $4 or c.leased_until <= lease.now()
    returning position, mark::text`,
};

/**
 * Claims the lease of a reaction, and creates its checkpoint at the start of the log if there is none.
 * @param before the token of the last claim of this worker, which the new claim may replace
 * @returns the checkpoint of the reaction; undefined if another worker has the lease
 */
export const claim = async (
  pool: Pool,
  { reaction, token, leaseMs }: ReactionLease,
  before: string | undefined,
): Promise<CheckpointMark | undefined> =>
  withClient(pool, async (client) => {
    const values = [reaction, token, leaseMs, before ?? null];
    const { rows } = await client.query<{ position: string; mark: string | null }>({ ...CLAIM, values });
    const [row] = rows;
    return row && { position: BigInt(row.position), mark: row.mark === null ? undefined : parseMark(row.mark) };
  });

/** SQL that renews the lease and moves the checkpoint. It returns no row if another worker has the lease. */
const HELD = `held as (
    update reacting.checkpoints set leased_until = lease.now() + $3 * interval '1 millisecond',
      position = greatest(position, $4::numeric),
      mark = case when position < $4::numeric then coalesce($5::event_log.mark, mark) else mark end,
      moved_at = case when position < $4::numeric then now() else moved_at end
    where reaction = $1 and holder = $2 and (position >= $4::numeric or ${logHoldsMark('$5')}) returning 1
  )`;

const MOVE = { name: 'reacting-move', text: `with ${HELD} select 1 from held` };

const PARK = {
  name: 'reacting-park',
  text: `with ${HELD}, parked as (
      insert into reacting.parked (reaction, position, event_id, event_type, partition, outside, aggregate, aggregate_id, version,
        error, attempts)
      select $1, $6::numeric, $7::uuid, $8, $9::uuid, $10, $11, $12::uuid, $13, $14, $15 from held
      on conflict (reaction, event_id) do update set error = excluded.error, retry = false, waiting = false,
        attempts = parked.attempts + excluded.attempts
    ) select 1 from held`,
};

const SET_ASIDE = {
  name: 'reacting-set-aside',
  text: `with ${HELD}, aside as (
      insert into reacting.parked (reaction, position, event_id, event_type, partition, outside, aggregate, aggregate_id, version,
        error, attempts, waiting)
      select $1, e.*, '', 0, true from held, unnest($6::numeric[], $7::uuid[], $8::text[], $9::uuid[], $10::boolean[],
        $11::text[], $12::uuid[], $13::integer[]) as e
      on conflict (reaction, event_id) do nothing
    ) select 1 from held`,
};

const FORGET = {
  name: 'reacting-forget',
  text: `with ${HELD}, forgotten as (
      delete from reacting.parked where reaction = $1 and event_id = $6 and exists (select from held)
    ) select 1 from held`,
};

const write = async (
  pool: Pool,
  statement: typeof MOVE,
  { reaction, token, leaseMs }: ReactionLease,
  { position, mark }: CheckpointMark,
  ...values: readonly unknown[]
): Promise<void> => {
  const checkpoint = [position.toString(), mark ? markText(mark) : null];
  const { rowCount } = await withClient(pool, (client) =>
    client.query({ ...statement, values: [reaction, token, leaseMs, ...checkpoint, ...values] }),
  );
  if (rowCount === 0)
    throw new ReactionLeaseLost(
      'another worker has taken over the reaction, or the log was restored from an older copy',
    );
};

/** The stored columns of an event that is parked or set aside, by which it is found in the log again. */
const columnsOf = ({ id, position, type, stream, version }: RecordedEvent) => {
  const { tenantId, aggregate, id: aggregateId } = stream;
  return [
    ...[position.toString(), id, type, tenantId ?? aggregateId],
    ...[tenantId === null, aggregate, aggregateId, version],
  ] as const;
};

/** Renews the lease and moves the checkpoint. @throws ReactionLeaseLost */
export const move = (pool: Pool, lease: ReactionLease, reached: CheckpointMark): Promise<void> =>
  write(pool, MOVE, lease, reached);

/** Parks an event that could not be answered, until an operator retries or forgets it. @throws ReactionLeaseLost */
export const park = (
  pool: Pool,
  lease: ReactionLease,
  reached: CheckpointMark,
  event: RecordedEvent,
  { error, attempts }: { readonly error: string; readonly attempts: number },
): Promise<void> => write(pool, PARK, lease, reached, ...columnsOf(event), error, attempts);

/** Stores events that are not answered yet, so that the checkpoint can move past them. @throws ReactionLeaseLost */
export const setAside = (
  pool: Pool,
  lease: ReactionLease,
  reached: CheckpointMark,
  events: readonly RecordedEvent[],
): Promise<void> => {
  const rows = events.map(columnsOf);
  const columns = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => rows.map((row) => row[at]));
  return write(pool, SET_ASIDE, lease, reached, ...columns);
};

/**
 * Deletes an event that was parked or set aside, because it was answered or its tenant was deleted.
 * @throws ReactionLeaseLost
 */
export const deleteParked = (
  pool: Pool,
  lease: ReactionLease,
  reached: CheckpointMark,
  eventId: string,
): Promise<void> => write(pool, FORGET, lease, reached, eventId);

/** Ends the lease, so that another worker can claim it immediately. */
export const release = async (
  pool: Pool,
  { reaction, token }: Pick<ReactionLease, 'reaction' | 'token'>,
): Promise<void> => {
  await withClient(pool, (client) =>
    client.query(`update reacting.checkpoints set leased_until = '-infinity' where reaction = $1 and holder = $2`, [
      reaction,
      token,
    ]),
  );
};
