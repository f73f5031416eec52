import type { Pool } from 'pg';

/** The tables of the operations that sweepers complete after an interruption. */
export type SweptTable = 'identity.sign_ups' | 'identity.joins' | 'identity.erasures';

/** The column that is null until the operation needs no sweeper any more. */
const COLUMN = {
  'identity.sign_ups': 'completed_at',
  'identity.joins': 'completed_at',
  'identity.erasures': 'checked_at',
};

/**
 * Delays the sweeper for an hour for all interrupted operations. On a slow machine it would otherwise reach the
 * failpoint before the request of the test does.
 */
export const sweepLater = (owner: Pool, table: SweptTable): Promise<unknown> =>
  owner.query(`update ${table} set attempted_at = lease.now() + interval '1 hour' where ${COLUMN[table]} is null`);

/** Sets all interrupted operations to the state after a fresh interruption, so that the sweeper completes them soon. */
export const sweepSoon = (owner: Pool, table: SweptTable): Promise<unknown> =>
  owner.query(`update ${table} set attempted_at = lease.now() where ${COLUMN[table]} is null`);
