import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { REBUILD_LOCKS } from '#platform/database/locks/advisory-locks';
import { type HeldLock, holdLock } from '#platform/database/locks/held-lock';
import { sleep } from '#platform/loops/backoff';
import type { Projection } from '../projection';
import { rebuild } from './rebuild';
import { DUE, OPEN } from './rebuild-attempt';
import type { RebuildOptions } from './rebuild-progress';

interface OpenRebuild {
  readonly id: string;
  readonly projection: string;
}

/** The open rebuilds that are due and are for exactly the versions of this worker, the oldest request first. */
const dueRebuilds = (pool: Pool, projections: readonly Projection[]): Promise<OpenRebuild[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<OpenRebuild>(
      `select r.id, r.projection from projecting.rebuilds r
       join unnest($1::text[], $2::integer[]) as known (projection, version) on known.projection = r.projection
       where r.version = known.version and r.state in ${OPEN} and ${DUE}
       order by r.requested_at`,
      [projections.map(({ name }) => name), projections.map(({ version }) => version)],
    );
    return rows;
  });

/**
 * While a worker holds this lock, other workers do not begin the same rebuild. The token decides whether an attempt may
 * write.
 */
const lockRebuild = (pool: Pool, projection: string): Promise<HeldLock | undefined> =>
  holdLock(pool, {
    take: 'select pg_try_advisory_lock($1, hashtext($2)) as mine',
    release: 'select pg_advisory_unlock($1, hashtext($2))',
    values: [REBUILD_LOCKS, projection],
  });

/** Runs the first due rebuild that no other process works on. @returns false if there is none */
const rebuildOne = async (projections: readonly Projection[], options: RebuildOptions): Promise<boolean> => {
  for (const { id, projection: name } of await dueRebuilds(options.pool, projections)) {
    const projection = projections.find((it) => it.name === name);
    if (!projection) continue;
    const lock = await lockRebuild(options.pool, name);
    if (!lock) continue;
    try {
      await rebuild(projection, id, { ...options, signal: AbortSignal.any([options.signal, lock.lost]) });
      if (lock.lost.aborted)
        options.logger.warn(
          { projection: name },
          'the session that held the lock of a rebuild was lost, so the rebuild stopped',
        );
      return true;
    } finally {
      await lock.release();
    }
  }
  return false;
};

/**
 * Runs rebuilds that were requested, or left unfinished by a process that died, one after the other, until the signal
 * aborts.
 * @param pollMs ms between two searches
 */
export const runRebuilds = async (
  projections: readonly Projection[],
  options: RebuildOptions,
  pollMs = 1_000,
): Promise<void> => {
  while (!options.signal.aborted) {
    try {
      if (await rebuildOne(projections, options)) continue;
    } catch (error) {
      // The failure of a rebuild itself was logged and stored by `rebuild`.
      if (!options.signal.aborted) options.logger.warn({ err: error }, 'rebuilds continue after an error');
    }
    await sleep(pollMs, options.signal);
  }
};

/**
 * Releases rebuilds whose worker has died: their state says that they are in progress, and no session holds their lock.
 * Their tokens are raised, so that a worker that only lost its lock cannot continue. Otherwise erasures would wait for
 * these rebuilds.
 */
export const releaseDeadRebuilds = (pool: Pool): Promise<void> =>
  withClient(pool, async (client) => {
    await client.query(
      `with dead as materialized (
         select id, attempt from projecting.rebuilds
         where state in ('loading', 'catching-up') and pg_try_advisory_xact_lock($1, hashtext(projection))
       )
       update projecting.rebuilds r set state = 'requested', attempt = r.attempt + 1
       from dead where r.id = dead.id and r.attempt = dead.attempt and r.state in ('loading', 'catching-up')`,
      [REBUILD_LOCKS],
    );
  });
