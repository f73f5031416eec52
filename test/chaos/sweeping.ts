import type { Pool } from 'pg';

/** What sweepers complete that was interrupted, and how to tell what is unfinished. */
type Swept = 'identity.sign_ups' | 'identity.joins';

/**
 * Keeps what was interrupted before from the sweeper for an hour: on a slow machine it would come to the failpoint before the
 * request that the test has it meet there.
 */
export const sweepLater = (owner: Pool, table: Swept): Promise<unknown> =>
  owner.query(`update ${table} set attempted_at = lease.now() + interval '1 hour' where completed_at is null`);

/** As if it had just been interrupted. */
export const sweepSoon = (owner: Pool, table: Swept): Promise<unknown> =>
  owner.query(`update ${table} set attempted_at = lease.now() where completed_at is null`);
