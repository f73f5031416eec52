import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { causeJson, type FactCause } from '../facts/cause';

/**
 * Ends the sessions that a user has in a tenant as a member. Repeating it has no further effect.
 * @param pool connects as the projector
 * @param removedAt the version of the tenant's stream at which the user left or was removed; sessions of a later
 *   membership are not ended
 * @returns the number of sessions that it ended
 */
export const endSessionsOfMember = async (
  pool: Pool,
  tenantId: string,
  userId: string,
  removedAt: number,
  cause: FactCause,
): Promise<number> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ ended: number }>('select identity.end_sessions_of_member($1, $2, $3, $4) as ended', [
      tenantId,
      userId,
      removedAt,
      causeJson(cause),
    ]),
  );
  return rows[0]?.ended ?? 0;
};
