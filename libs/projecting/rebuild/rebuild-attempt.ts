import type { Pool, PoolClient } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import type { Projection } from '../projection';
import type { RebuildState } from './rebuild-progress';

/** One try at a rebuild. Of all attempts at it, the one with the highest token has the right. */
export interface Attempt {
  readonly rebuild: string;
  /** The fencing token. */
  readonly token: number;
}

/** The right to the rebuild is gone: another worker took it, or it was superseded. Nothing may be done by it any more. */
export class AttemptLost extends Error {
  override readonly name = 'AttemptLost';
}

/** States in which a rebuild is not ended. */
export const OPEN = `('requested', 'loading', 'catching-up', 'failed')`;

const FIRST_RETRY_S = 1;
const LONGEST_RETRY_S = 300;

/** Whether a rebuild may be tried now. A time that lies further ahead than any wait was written by a clock that was wrong. */
export const DUE = `(next_attempt_at <= now() or next_attempt_at > now() + interval '${LONGEST_RETRY_S} s')`;

/**
 * Takes an open rebuild that wants exactly the version of this projection's code. Every earlier attempt loses its right.
 * @param target the head of the log, shown to operators
 * @throws AttemptLost where it is not open, or wants another version
 */
export const takeRebuild = (pool: Pool, { version }: Projection, rebuild: string, target: Position): Promise<Attempt> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ token: number }>(
      `update projecting.rebuilds
       set attempt = attempt + 1, state = 'loading', started_at = now(), finished_at = null, target = $3, position = 0, events = 0
       where id = $1 and version = $2 and state in ${OPEN} returning attempt as token`,
      [rebuild, version, target.toString()],
    );
    const [taken] = rows;
    if (!taken) throw new AttemptLost(`rebuild ${rebuild} is not open for version ${version}`);
    return { rebuild, token: taken.token };
  });

const lost = ({ rebuild, token }: Attempt): AttemptLost =>
  new AttemptLost(
    `attempt ${token} of rebuild ${rebuild} has lost its right: another worker took it, or it was superseded`,
  );

/** @throws AttemptLost */
export const requireAttempt = async (client: Pick<PoolClient, 'query'>, attempt: Attempt): Promise<void> => {
  const { rows } = await client.query(
    `select from projecting.rebuilds where id = $1 and attempt = $2 and state in ('loading', 'catching-up')`,
    [attempt.rebuild, attempt.token],
  );
  if (rows.length === 0) throw lost(attempt);
};

/** Shows operators how far the attempt is. @throws AttemptLost */
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
    if (rowCount === 0) throw lost(attempt);
  });

/** Ends the rebuild, in the transaction that swaps: from here on no other attempt gets the right. @throws AttemptLost */
export const finishAttempt = async (client: PoolClient, attempt: Attempt): Promise<void> => {
  const { rowCount } = await client.query(
    `update projecting.rebuilds set state = 'done', error = null, finished_at = now()
     where id = $1 and attempt = $2 and state in ('loading', 'catching-up')`,
    [attempt.rebuild, attempt.token],
  );
  if (rowCount === 0) throw lost(attempt);
};

export interface Failure {
  /** `requested` where nothing is wrong with the rebuild itself, such as a lost connection. */
  readonly state: 'failed' | 'requested';
  readonly error: string;
}

/**
 * Gives the right back after a failure. The rebuild stays open: it is tried again after 1 s, and after twice as long with
 * each further failure, 5 minutes at most.
 * @returns failures so far, and seconds until the next attempt; undefined where the right was lost
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

/** Gives the right back, so that the next worker begins at once: the process stops. */
export const returnAttempt = (pool: Pool, attempt: Attempt): Promise<void> =>
  withClient(pool, async (client) => {
    await client.query(
      `update projecting.rebuilds set state = 'requested'
       where id = $1 and attempt = $2 and state in ('loading', 'catching-up')`,
      [attempt.rebuild, attempt.token],
    );
  });
