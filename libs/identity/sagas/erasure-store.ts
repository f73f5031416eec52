import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { Problem } from '#platform/problems';
import type { SagaClaim } from './saga';
import { createSagaFunctions } from './saga-functions';

/** An erasure that has begun. */
export interface Erasure extends SagaClaim {
  /** How many times it was begun or continued, from 1. */
  readonly attempts: number;
  /** True for the second search, a minute after the personal data was deleted: it cannot be canceled any more. */
  readonly isErased: boolean;
}

const COLUMNS = `command_id as "commandId", correlation_id as "correlationId", access_id as "accessId", attempts`;

/** @param pool connects as the app role, or as the projector for `takeUnfinished` and `purge` */
export const createErasureStore = (pool: Pool) => {
  const functions = createSagaFunctions(pool);
  return {
    /**
     * Begins an erasure, or another attempt at it. Nobody can sign in as the user, or add the user to a tenant, from now
     * on.
     * @param tenantIds the tenants of the user: stored answers to their members are deleted, because they may show the user
     * @returns undefined if the user does not exist or is erased
     * @throws Problem conflict if a request is adding the user to a tenant
     */
    claim: async (
      { userId, commandId, correlationId, accessId }: SagaClaim,
      tenantIds: readonly string[] = [],
    ): Promise<Erasure | undefined> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<Omit<Erasure, 'userId' | 'isErased'> & { outcome: string }>(
          `select outcome, ${COLUMNS} from identity.begin_erasure($1, $2, $3, $4, $5)`,
          [userId, commandId, correlationId, accessId, tenantIds],
        ),
      );
      const [row] = rows;
      if (row?.outcome === 'busy')
        throw new Problem('conflict', { detail: 'You are creating or joining a tenant at this moment. Try again.' });
      if (row?.outcome !== 'begun') return undefined;
      const { outcome: _, ...erasure } = row;
      return { userId, ...erasure, isErased: false };
    },

    /** Deletes all personal data. @returns the ids of the sessions that it ended */
    complete: async (userId: string): Promise<readonly string[]> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<{ ended: string[] }>('select identity.erase_user($1)::text[] as ended', [userId]),
      );
      return rows[0]?.ended ?? [];
    },

    /** Cancels the erasure: the user can sign in again. */
    release: functions.call<string>('cancel_erasure'),

    /** Also returns erasures that were completed a minute ago, once each, to be repeated. */
    takeUnfinished: functions.takeUnfinished<Erasure>(
      'take_unfinished_erasures',
      `user_id as "userId", ${COLUMNS}, is_erased as "isErased"`,
    ),

    /** Deletes the empty rows of users whose erasure was repeated more than this number of hours ago. */
    purge: functions.call<number>('purge_erased'),
  };
};

export type ErasureStore = ReturnType<typeof createErasureStore>;
