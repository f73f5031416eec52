import type { Pool, PoolClient } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import type { Projection } from '../projection';
import type { RebuildState } from './rebuild-progress';

/** One attempt at a rebuild. Of all attempts at it, only the one with the highest token may write. */
export interface Attempt {
  readonly rebuild: string;
  /** The fencing token. */
  readonly token: number;
}

/** The attempt may not write any more, because another worker has claimed the rebuild or the rebuild was superseded. */
export class AttemptLost extends Error {
  override readonly name = 'AttemptLost';
}

/** SQL list of the states of a rebuild that has not ended. */
export const OPEN = `('requested', 'loading', 'catching-up', 'failed')`;

const FIRST_RETRY_S = 1;
const LONGEST_RETRY_S = 300;

/**
 * SQL condition: a rebuild may be tried now. A time that is further ahead than the longest wait was written by a wrong
 * clock.
 */
export const DUE = `(next_attempt_at <= now() or next_attempt_at > now() + interval '${LONGEST_RETRY_S} s')`;

/**
 * Claims an open rebuild of exactly the version that this release defines. Earlier attempts may not write any more.
 * @param target the head of the log, shown to operators
 * @throws AttemptLost the rebuild is not open, or is for another version
 */
export const claimRebuild = (
  pool: Pool,
  { version }: Projection,
  rebuild: string,
  target: Position,
): Promise<Attempt> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ token: number }>(
      `update projecting.rebuilds
       set attempt = attempt + 1, state = 'loading', started_at = now(), finished_at = null, target = $3, position = 0, events = 0
       where id = $1 and version = $2 and state in ${OPEN} returning attempt as token`,
      [rebuild, version, target.toString()],
    );
    const [claimed] = rows;
    if (!claimed) throw new AttemptLost(`rebuild ${rebuild} is not open for version ${version}`);
    return { rebuild, token: claimed.token };
  });

const attemptLost = ({ rebuild, token }: Attempt): AttemptLost =>
  new AttemptLost(
    `attempt ${token} of rebuild ${rebuild} was ended: another worker claimed the rebuild, or it was superseded`,
  );

/** Checks, in the open transaction, that the attempt may still write. @throws AttemptLost */
export const requireAttempt = async (client: Pick<PoolClient, 'query'>, attempt: Attempt): Promise<void> => {
  const { rows } = await client.query(
    `select from projecting.rebuilds where id = $1 and attempt = $2 and state in ('loading', 'catching-up')`,
    [attempt.rebuild, attempt.token],
  );
  if (rows.length === 0) throw attemptLost(attempt);
};

/** Stores the state and progress of the attempt, for operators. @throws AttemptLost */
export const report = (
  pool: Pool,
  attempt: Attempt,
  state: 'loading' | 'catching-up',
  { position, events }: RebuildState,
): Promise<void> =>
  withClient(pool, async (client) => {
    const { rowCount } = await client.query(
      `update projecting.rebuilds set state = $3, position = $4, events = $5
       where id = $1 and attempt = $2 and state in ('loading', 'catching-up')`,
      [attempt.rebuild, attempt.token, state, position.toString(), events],
    );
    if (rowCount === 0) throw attemptLost(attempt);
  });

/** Ends the rebuild, in the transaction of the swap: from then on no other attempt can claim it. @throws AttemptLost */
export const finishAttempt = async (client: PoolClient, attempt: Attempt): Promise<void> => {
  const { rowCount } = await client.query(
    `update projecting.rebuilds set state = 'done', error = null, finished_at = now()
     where id = $1 and attempt = $2 and state in ('loading', 'catching-up')`,
    [attempt.rebuild, attempt.token],
  );
  if (rowCount === 0) throw attemptLost(attempt);
};

export interface Failure {
  /** `requested` if the cause is not the rebuild itself, such as a lost connection. */
  readonly state: 'failed' | 'requested';
  readonly error: string;
}

/**
 * Ends the attempt after a failure. The rebuild stays open and is tried again after 1 s; the wait doubles with each
 * further failure, up to 5 minutes.
 * @returns the number of failures and the seconds until the next attempt; undefined if the attempt was already lost
 */
export const failAttempt = (
  pool: Pool,
  attempt: Attempt,
  { state, error }: Failure,
): Promise<{ failures: number; seconds: number } | undefined> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ failures: number; seconds: number }>(
      `update projecting.rebuilds
       set state = $3, error = $4, finished_at = now(), failures = failures + 1,
         next_attempt_at = now() + make_interval(secs => least($6, $5 * power(2, least(failures, 20))))
       where id = $1 and attempt = $2 and state in ('loading', 'catching-up')
       returning failures, least($6, $5 * power(2, least(failures - 1, 20)))::float8 as seconds`,
      [attempt.rebuild, attempt.token, state, error, FIRST_RETRY_S, LONGEST_RETRY_S],
    );
    return rows[0];
  });

/** Ends the attempt because the process stops, so that another worker can begin immediately. */
export const releaseAttempt = (pool: Pool, attempt: Attempt): Promise<void> =>
  withClient(pool, async (client) => {
    await client.query(
      `update projecting.rebuilds set state = 'requested'
       where id = $1 and attempt = $2 and state in ('loading', 'catching-up')`,
      [attempt.rebuild, attempt.token],
    );
  });
