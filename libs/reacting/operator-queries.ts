import type { Pool, PoolClient } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';

/** The queries and changes of operators. Each pool connects as the projector. */

export interface ReactionRow {
  readonly reaction: string;
  /** Position in the log, as text. */
  readonly position: string;
  /** The number of events that are set aside. */
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

/** The checkpoint of every reaction, ordered by name. */
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
 * Moves a reaction to a position of the log, in the transaction of the caller.
 * @param mark the mark of the event at the position; null if there is none
 * @returns false if there is no such reaction
 */
export const moveReaction = async (
  client: Pick<PoolClient, 'query'>,
  reaction: string,
  position: Position,
  mark: string | null,
): Promise<boolean> => {
  const { rowCount } = await client.query(
    // The worker that runs the reaction then loses its lease, and starts again at the new position.
    `update reacting.checkpoints set position = $2, mark = $3, holder = gen_random_uuid(), leased_until = '-infinity',
       moved_at = now() where reaction = $1`,
    [reaction, position.toString(), mark],
  );
  // Events that are set aside are before the new position, or will be read again after it.
  await client.query('delete from reacting.parked where reaction = $1 and waiting', [reaction]);
  return rowCount === 1;
};
