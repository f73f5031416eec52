import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import type { Projection } from '../projection';
import { OPEN } from '../rebuild/rebuild-attempt';
import { releaseDeadRebuilds } from '../rebuild/rebuild-queue';
import { dropLeftovers } from '../rebuild/shadow-leftovers';
import { requestRebuild } from './install';
import type { Processes } from './processes';

export interface WantedVersionsOptions {
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly projections: readonly Projection[];
  readonly processes: Pick<Processes, 'mayBeNewer' | 'isNewer'>;
  readonly logger: Logger;
}

interface InstalledVersion {
  readonly projection: string;
  readonly present: number;
  /** The versions of open requests. */
  readonly requested: readonly number[];
}

const readInstalledVersions = (pool: Pool, names: readonly string[]): Promise<InstalledVersion[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<InstalledVersion>(
      `select c.projection, c.version as present,
         array(select r.version from projecting.rebuilds r where r.projection = c.projection and r.state in ${OPEN}) as requested
       from projecting.checkpoints c where c.projection = any($1)`,
      [names],
    );
    return rows;
  });

/**
 * Ends open requests for versions that are lower than the installed one and lower than `known`, the highest version
 * that runs.
 * @returns the versions of the ended requests
 */
const supersede = (pool: Pool, projection: string, known: number): Promise<number[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ version: number }>(
      `update projecting.rebuilds r set state = 'superseded', finished_at = now()
       from projecting.checkpoints c where c.projection = r.projection
         and r.projection = $1 and r.version < c.version and r.version < $2 and r.state in ${OPEN} returning r.version`,
      [projection, known],
    );
    return rows.map(({ version }) => version);
  });

/**
 * Compares the versions of this release with the installed ones, and requests rebuilds:
 * - A worker with a version higher than the installed one requests a rebuild to its version.
 * - A worker with a lower version does so only if no process with a higher version has run for a while: the operator
 *   has then deployed the older release again.
 * - The request of an older worker is ended as soon as a process with a higher version runs.
 */
export const reconcileVersions = async (options: WantedVersionsOptions): Promise<void> => {
  const { pool, projections, processes, logger } = options;
  const rows = await readInstalledVersions(
    pool,
    projections.map(({ name }) => name),
  );
  for (const { name, version } of projections) {
    const row = rows.find(({ projection }) => projection === name);
    if (!row) continue;
    const { present, requested } = row;
    const isOlder = version < present;
    if (requested.some((it) => it < present)) {
      const known = isOlder && processes.isNewer(name) ? present : version;
      for (const ended of await supersede(pool, name, known))
        logger.info(
          { projection: name, version: ended, present },
          'ended a request for an older version of a read model',
        );
    }
    const isWanted = isOlder
      ? !requested.includes(version) && !processes.mayBeNewer(name)
      : version > present && !requested.some((it) => it >= version);
    if (!isWanted) continue;
    await withClient(pool, (client) => requestRebuild(client, name, { version, downgrade: isOlder }));
    logger.info(
      { projection: name, version, present },
      isOlder
        ? 'requested the older version of a read model, because no process of the newer release runs any more'
        : 'requested the version of a read model that this release needs',
    );
  }
};

/**
 * Reconciles versions and cleans up after dead workers, until the signal aborts.
 * @param everyMs ms between two comparisons; 1,000 by default
 */
export const watchVersions = async (
  options: WantedVersionsOptions,
  signal: AbortSignal,
  everyMs = 1_000,
): Promise<void> => {
  const { pool, logger } = options;
  while (!signal.aborted) {
    try {
      await reconcileVersions(options);
      await releaseDeadRebuilds(pool);
      await dropLeftovers(pool, logger);
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'the versions of the read models could not be compared');
    }
    await sleep(everyMs, signal);
  }
};
