import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';

/** An erasure that has begun. The request or a sweeper completes it. */
export interface Erasure {
  readonly userId: string;
  /** UUID: the command that it began with; those of its appends derive from it and from the attempt. */
  readonly commandId: string;
  readonly correlationId: string;
  /** 1 for the first. */
  readonly attempts: number;
}

const COLUMNS = `command_id as "commandId", correlation_id as "correlationId", attempts`;

/** @param pool connects as the app role, or as the projector for {@link ErasureStore.takeUnfinished} */
export const createErasureStore = (pool: Pool) => ({
  /** Nobody signs in as the user any more. Undefined where they are gone. */
  begin: async (userId: string, commandId: string, correlationId: string): Promise<Erasure | undefined> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<Omit<Erasure, 'userId'>>(`select ${COLUMNS} from identity.begin_erasure($1, $2, $3)`, [
        userId,
        commandId,
        correlationId,
      ]),
    );
    const [row] = rows;
    return row && { userId, ...row };
  },

  /** Everything is as before. */
  cancel: async (userId: string): Promise<void> => {
    await withClient(pool, (client) => client.query('select identity.cancel_erasure($1)', [userId]));
  },

  /** Takes everything personal away. @returns the sessions that it ended */
  erase: async (userId: string): Promise<readonly string[]> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<{ ended: string[] }>('select identity.erase_user($1)::text[] as ended', [userId]),
    );
    return rows[0]?.ended ?? [];
  },

  /**
   * Erasures that nobody has worked on for so many seconds, and those that are due for a second look; each is given to
   * one caller.
   */
  takeUnfinished: async (olderSeconds: number, limit: number): Promise<Erasure[]> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<Erasure>(`select user_id as "userId", ${COLUMNS} from identity.take_unfinished_erasures($1, $2)`, [
        olderSeconds,
        limit,
      ]),
    );
    return rows;
  },

  /** Removes the empty rows of people who were erased so many hours ago. */
  purge: async (olderHours: number): Promise<void> => {
    await withClient(pool, (client) => client.query('select identity.purge_erased($1)', [olderHours]));
  },
});

export type ErasureStore = ReturnType<typeof createErasureStore>;
