import type { Pool, PoolClient } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';

/** What operators see and change of reactions. The pools connect as the projector. */

export interface ReactionRow {
  readonly reaction: string;
  /** In the log, as text. */
  readonly position: string;
  /** Events that are set aside. */
  readonly waiting: number;
  readonly moved: Date;
}

export interface ParkedEventRow {
  readonly reaction: string;
  readonly event_id: string;
  readonly partition: string;
  readonly event_type: string;
  readonly attempts: number;
  readonly error: string;
}

/** Every reaction, by name. */
export const readReactions = async (pool: Pool): Promise<ReactionRow[]> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<ReactionRow>(
      `select c.reaction, c.position, c.moved_at as moved,
         (select count(*)::integer from reacting.parked p where p.reaction = c.reaction and p.waiting) as waiting
       from reacting.checkpoints c order by c.reaction`,
    ),
  );
  return rows;
};

/** Events that wait for an operator, in the order in which they were parked. */
export const readParkedEvents = async (pool: Pool): Promise<ParkedEventRow[]> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<ParkedEventRow>(
      'select reaction, event_id, partition, event_type, attempts, error from reacting.parked where not waiting order by parked_at',
    ),
  );
  return rows;
};

/**
 * Puts a reaction at a place of the log, inside the caller's transaction.
 * @param mark of the event at the place; null where there is none
 * @returns false where there is no such reaction
 */
export const moveReaction = async (
  client: Pick<PoolClient, 'query'>,
  reaction: string,
  position: Position,
  mark: string | null,
): Promise<boolean> => {
  const { rowCount } = await client.query(
    // A worker that runs it finds another holder then, and begins again at the new place.
    `update reacting.checkpoints set position = $2, mark = $3, holder = gen_random_uuid(), leased_until = '-infinity',
       moved_at = now() where reaction = $1`,
    [reaction, position.toString(), mark],
  );
  // Events set aside lie before the new place, or are read again after it.
  await client.query('delete from reacting.parked where reaction = $1 and waiting', [reaction]);
  return rowCount === 1;
};
