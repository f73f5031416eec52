import type { Pool } from 'pg';
import { borrow } from '../connections/lending';
import { within } from '../connections/pools';

/** A session-level advisory lock. It is a hint that nobody else is at work, and no proof: see {@link holdLock}. */
export interface HeldLock {
  /** Aborts as soon as the session that holds the lock is known to be lost: somebody else may have the lock then. */
  readonly lost: AbortSignal;
  /** Unlocks and closes the session. Never rejects. */
  release(): Promise<void>;
}

/** ms between two queries on the session, and ms for an answer. They find a lost session, and keep it from being idle. */
const BEAT_MS = 1_000;
const ANSWER_MS = 3_000;

export interface LockStatements {
  /** Answers one row whose `mine` says whether the lock was got. */
  readonly take: string;
  readonly release: string;
  readonly values: readonly (string | number)[];
}

/**
 * Takes an advisory lock on a session of its own, and watches the session. A session can end without its process (an
 * administrator, `idle_session_timeout`, a failover), and some time passes before the process learns of it. So what is done
 * under the lock also carries a fencing token, which is checked in the transaction that does it.
 * @returns undefined where somebody else holds the lock
 */
export const holdLock = async (
  pool: Pool,
  { take, release, values }: LockStatements,
): Promise<HeldLock | undefined> => {
  const client = await borrow(pool);
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
  let asking = false;
  timer = setInterval(() => {
    if (asking) return;
    asking = true;
    client
      .query(within(ANSWER_MS, { text: 'select' }))
      .catch(lose)
      .finally(() => {
        asking = false;
      });
  }, BEAT_MS);
  return {
    lost: lost.signal,
    release: async () => {
      clearInterval(timer);
      // Before the session is closed: the server learns of that some time later. A lost session has no lock any more.
      await client.query(within(ANSWER_MS, { text: release, values: [...values] })).catch(lose);
      close();
    },
  };
};
