import type { Pool, PoolClient } from 'pg';
import { codeOf } from '../../error-code';

/** `performance.now()` when a connection was lent, and when it last answered. */
const lentAt = new WeakMap<PoolClient, number>();
const wellAt = new WeakMap<PoolClient, number>();
/**
 * The time at which the last connection that died without an error was lent. One for all pools: they lead to one server, and what made it
 * forget a connection made it forget them all.
 */
let doubtedSince = 0;

const DISK_FULL = '53100';

/** `performance.now()` when PostgreSQL last said that its disk is full. */
let diskFullAt = Number.NEGATIVE_INFINITY;

/** ms since PostgreSQL last said so to this process. */
export const sinceDiskFull = (): number => performance.now() - diskFullAt;

/** A connection that was made again is well. */
export const noteConnected = (client: PoolClient): void => {
  wellAt.set(client, performance.now());
};

/**
 * A connection of the pool. Once one was found to have died without an error (a firewall forgot it, the machine at its other end is
 * gone), those that lay idle since before are replaced: each would cost its borrower a whole timeout, one after the other.
 */
export const borrow = async (pool: Pool): Promise<PoolClient> => {
  for (;;) {
    const client = await pool.connect();
    const now = performance.now();
    if ((wellAt.get(client) ?? now) >= doubtedSince) {
      lentAt.set(client, now);
      return client;
    }
    client.release(true);
  }
};

/**
 * @param broken it is closed, and not lent again
 * @param error what its use ended with, if with an error
 * @param sentAt `performance.now()` when what it did not answer was sent; when it was lent, by default
 */
export const giveBack = (client: PoolClient, broken: boolean, error?: unknown, sentAt = lentAt.get(client)): void => {
  const now = performance.now();
  if (codeOf(error) === DISK_FULL) diskFullAt = now;
  if (!broken) wellAt.set(client, now);
  else if (isSilence(error)) doubtedSince = Math.max(doubtedSince, sentAt ?? now);
  client.release(broken);
};

/** The answer did not come: by the client's own clock, or by that of the system's network. */
const isSilence = (error: unknown): boolean =>
  codeOf(error) === 'ETIMEDOUT' || /Query read timeout/.test(error instanceof Error ? error.message : '');
