import type { Pool } from 'pg';
import { AppendOutcomeUnknown } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';

/**
 * Protects appends that make an existing user a member: while one of them is in progress, the erasure of the user does
 * not begin, and it does not begin for a user who is being erased. Otherwise the erasure could miss the membership.
 * @param pool connects as the app role
 */
export const createPendingMemberships = (pool: Pool) => {
  const end = async (userId: string, tenantId: string): Promise<void> => {
    await withClient(pool, (client) => client.query('select identity.end_membership($1, $2)', [userId, tenantId]));
  };

  return {
    /**
     * Runs `append`, which adds the user to the tenant. If it fails with an unknown outcome, or if the process is killed
     * meanwhile, no erasure of the user begins for 60 s.
     * @throws Problem unauthenticated if the user is being erased; what `append` throws
     */
    during: async <T>(userId: string, tenantId: string, append: () => Promise<T>): Promise<T> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<{ begun: boolean }>({
          name: 'begin-membership',
          text: 'select identity.begin_membership($1, $2) as begun',
          values: [userId, tenantId],
        }),
      );
      if (!rows[0]?.begun) throw new Problem('unauthenticated', { detail: 'This account no longer exists.' });
      try {
        const result = await append();
        await end(userId, tenantId);
        return result;
      } catch (error) {
        if (!(error instanceof AppendOutcomeUnknown)) await end(userId, tenantId).catch(() => undefined);
        throw error;
      }
    },
  };
};

export abstract class PendingMemberships extends tokenClass<ReturnType<typeof createPendingMemberships>>() {}
