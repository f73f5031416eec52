import type { Pool, PoolClient } from 'pg';
import { codeOf } from '../error-code';

/** `performance.now()` when a connection was lent, and when it last answered. */
const lentAt = new WeakMap<PoolClient, number>();
const wellAt = new WeakMap<PoolClient, number>();
/** Since when a pool's connections are doubted: the last one that died in silence was lent then. */
const doubtedSince = new WeakMap<Pool, number>();

/** A connection that was made anew is well. */
export const noteConnected = (client: PoolClient): void => {
  wellAt.set(client, performance.now());
};

/**
 * A connection of the pool. Once one was found dead in silence (a firewall forgot it, the machine at its other end is
 * gone), those that lay idle since before are replaced: each would cost its borrower a whole timeout, one after the other.
 */
export const borrow = async (pool: Pool): Promise<PoolClient> => {
  for (;;) {
    const client = await pool.connect();
    const doubted = doubtedSince.get(pool);
    if (doubted === undefined || (wellAt.get(client) ?? doubted) >= doubted) {
      lentAt.set(client, performance.now());
      return client;
    }
    client.release(true);
  }
};

/**
 * @param broken it is closed, and not lent again
 * @param error what its use ended with, if with an error
 */
export const giveBack = (pool: Pool, client: PoolClient, broken: boolean, error?: unknown): void => {
  if (!broken) wellAt.set(client, performance.now());
  else if (isSilence(error)) {
    doubtedSince.set(pool, Math.max(doubtedSince.get(pool) ?? 0, lentAt.get(client) ?? performance.now()));
  }
  client.release(broken);
};

/** The answer did not come: by the client's own clock, or by that of the system's network. */
const isSilence = (error: unknown): boolean =>
  codeOf(error) === 'ETIMEDOUT' || /Query read timeout/.test(error instanceof Error ? error.message : '');
