import type { Pool } from 'pg';
import { sleep } from '../platform/backoff';
import { withClient } from '../platform/database/pools';
import type { Projection } from './projection';
import { rebuild } from './rebuild';
import type { RebuildOptions } from './rebuild-progress';

/** Namespace of the advisory locks that say which rebuild some process is at. */
const LOCK_SPACE = 730194;

const openRebuilds = (pool: Pool): Promise<{ id: string; projection: string }[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ id: string; projection: string }>(
      `select id, projection from projecting.rebuilds
       where state in ('requested', 'loading', 'catching-up') order by requested_at`,
    );
    return rows;
  });

/** Does one open rebuild that no other process is at, if there is one. */
const workOne = async (projections: readonly Projection[], options: RebuildOptions): Promise<boolean> => {
  for (const { id, projection: name } of await openRebuilds(options.pool)) {
    const projection = projections.find((it) => it.name === name);
    if (!projection) continue;
    // The lock lives as long as the connection: a killed process gives it back by itself.
    const holder = await options.pool.connect();
    try {
      const { rows } = await holder.query<{ mine: boolean }>('select pg_try_advisory_lock($1, hashtext($2)) as mine', [
        LOCK_SPACE,
        name,
      ]);
      if (!rows[0]?.mine) continue;
      await rebuild(projection, id, options);
      return true;
    } finally {
      holder.release(true);
    }
  }
  return false;
};

/** Looks for rebuilds that were asked for, or left unfinished by a process that died, and does them one by one. */
export const runRebuilds = async (
  projections: readonly Projection[],
  options: RebuildOptions,
  pollMs = 1_000,
): Promise<void> => {
  while (!options.signal.aborted) {
    try {
      if (await workOne(projections, options)) continue;
    } catch (error) {
      if (!options.signal.aborted) options.logger.error({ err: error }, 'a rebuild failed');
    }
    await sleep(pollMs, options.signal);
  }
};
