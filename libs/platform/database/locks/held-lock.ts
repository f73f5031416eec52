import type { Pool } from 'pg';
import { borrowConnection } from '../connections/lending';
import { withQueryTimeout } from '../connections/pools';

/**
 * A session-level advisory lock. It makes it likely, but does not guarantee, that no other process does the same work:
 * see {@link holdLock}.
 */
export interface HeldLock {
  /** Aborts as soon as the session that holds the lock is known to be lost: another process may hold the lock then. */
  readonly lost: AbortSignal;
  /** Releases the lock and closes the session. Never rejects. */
  release(): Promise<void>;
}

/**
 * ms between two queries on the session, and ms for an answer. The queries detect a lost session, and keep it active.
 */
const CHECK_INTERVAL_MS = 1_000;
const ANSWER_MS = 3_000;

export interface LockStatements {
  /** Returns one row, whose column `mine` is true if the lock was acquired. */
  readonly take: string;
  readonly release: string;
  readonly values: readonly (string | number)[];
}

/**
 * Acquires an advisory lock in a separate session, and watches the session. A session can end while its process lives
 * (by an administrator, `idle_session_timeout` or a failover), and the process notices that only some time later. So
 * each write under the lock must also carry a fencing token, which the transaction of the write checks.
 * @returns undefined if another session holds the lock
 * @throws the error of the database if no connection is available or a statement fails
 */
export const holdLock = async (
  pool: Pool,
  { take, release, values }: LockStatements,
): Promise<HeldLock | undefined> => {
  const client = await borrowConnection(pool);
  const lost = new AbortController();
  const lose = (): void => lost.abort(new Error('the database session that holds the lock was lost'));
  client.on('error', lose);
  client.on('end', lose);
  let timer: NodeJS.Timeout | undefined;
  const close = (): void => {
    clearInterval(timer);
    client.off('end', lose);
    client.release(true);
  };
  try {
    await client.query('set idle_session_timeout = 0');
    const { rows } = await client.query<{ mine: boolean }>(take, [...values]);
    if (!rows[0]?.mine) {
      close();
      return undefined;
    }
  } catch (error) {
    close();
    throw error;
  }
  let isChecking = false;
  timer = setInterval(() => {
    if (isChecking) return;
    isChecking = true;
    client
      .query(withQueryTimeout(ANSWER_MS, { text: 'select' }))
      .catch(lose)
      .finally(() => {
        isChecking = false;
      });
  }, CHECK_INTERVAL_MS);
  return {
    lost: lost.signal,
    release: async () => {
      clearInterval(timer);
      // Closing the session would release the lock, too, but the server notices that only some time later.
      await client.query(withQueryTimeout(ANSWER_MS, { text: release, values: [...values] })).catch(lose);
      close();
    },
  };
};
