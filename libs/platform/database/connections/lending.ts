import type { Pool, PoolClient } from 'pg';
import { codeOf } from '../../error-code';

/** `performance.now()` when a connection was lent, and when it last answered. */
const lentAt = new WeakMap<PoolClient, number>();
const answeredAt = new WeakMap<PoolClient, number>();
/**
 * `performance.now()` when the last query without an answer was sent (or its connection was lent). Connections that
 * have not answered since then may be dead, too. One value for all pools: they lead to the same server, and what cuts
 * one connection without an error (a firewall, a lost machine) usually cuts all of them.
 */
let suspectBefore = 0;

const DISK_FULL = '53100';

/** `performance.now()` when PostgreSQL last reported a full disk. */
let diskFullAt = Number.NEGATIVE_INFINITY;

/** ms since PostgreSQL last reported a full disk to this process; infinite if it never did. */
export const sinceDiskFull = (): number => performance.now() - diskFullAt;

/** Notes that a new connection was opened, and so has just answered. */
export const noteConnected = (client: PoolClient): void => {
  answeredAt.set(client, performance.now());
};

/**
 * Borrows a connection of the pool. After a connection was found dead without an error (a firewall dropped it, the
 * machine at its other end is gone), idle connections that have not answered since then are replaced: otherwise each of
 * them would cost its borrower a whole timeout, one after the other.
 * @throws the error of the pool if no connection is free in time, or none can be opened
 */
export const borrowConnection = async (pool: Pool): Promise<PoolClient> => {
  for (;;) {
    const client = await pool.connect();
    const now = performance.now();
    if ((answeredAt.get(client) ?? now) >= suspectBefore) {
      lentAt.set(client, now);
      return client;
    }
    client.release(true);
  }
};

/**
 * Returns a borrowed connection to its pool.
 * @param broken true: the connection is closed and not lent again
 * @param error the error with which its use ended; undefined if it succeeded
 * @param sentAt `performance.now()` when the query that got no answer was sent; by default, when the connection was
 * lent
 */
export const returnConnection = (
  client: PoolClient,
  broken: boolean,
  error?: unknown,
  sentAt = lentAt.get(client),
): void => {
  const now = performance.now();
  if (codeOf(error) === DISK_FULL) diskFullAt = now;
  if (!broken) answeredAt.set(client, now);
  else if (isMissingAnswer(error)) suspectBefore = Math.max(suspectBefore, sentAt ?? now);
  client.release(broken);
};

/** The answer did not arrive in time: by the deadline of the client, or by that of the operating system. */
const isMissingAnswer = (error: unknown): boolean =>
  codeOf(error) === 'ETIMEDOUT' || /Query read timeout/.test(error instanceof Error ? error.message : '');
