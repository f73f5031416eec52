import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import type { Projection } from '../projection';
import { OPEN } from '../rebuild/rebuild-attempt';
import { returnDeadRebuilds } from '../rebuild/rebuild-queue';
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

interface Present {
  readonly projection: string;
  readonly present: number;
  /** The versions of open requests. */
  readonly requested: readonly number[];
}

const readPresent = (pool: Pool, names: readonly string[]): Promise<Present[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<Present>(
      `select c.projection, c.version as present,
         array(select r.version from projecting.rebuilds r where r.projection = c.projection and r.state in ${OPEN}) as requested
       from projecting.checkpoints c where c.projection = any($1)`,
      [names],
    );
    return rows;
  });

/** Ends open requests for versions below the installed one and below `known`, the highest version that runs. */
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
 * Compares the versions that this worker's code has with those that are installed, and requests what is missing:
 * - A worker whose version is higher than the installed one requests its version.
 * - A worker whose version is lower requests it only where no process that knows a higher version has run for a while: the
 *   operator went back to the older release.
 * - What an older worker has requested is ended as soon as a process with a higher version runs.
 */
export const reconcileVersions = async (options: WantedVersionsOptions): Promise<void> => {
  const { pool, projections, processes, logger } = options;
  const rows = await readPresent(
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
 * Reconciles versions, and cleans up after workers that died, until the signal aborts.
 * @param everyMs ms between two looks; 1,000 by default
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
      await returnDeadRebuilds(pool);
      await dropLeftovers(pool, logger);
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, 'the versions of the read models could not be compared');
    }
    await sleep(everyMs, signal);
  }
};
