import { performance } from 'node:perf_hooks';
import { Client } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Bench, Group, Measured } from '../group';
import { inRounds } from '../load';
import { copyIn, readCopyLines } from '../peers/copy';
import { createProductDatabase, openLog, openProjectorPool } from '../product';
import { median, ratios, shown } from '../statistics';
import { fillLog } from '../tasks/fill';
import { rebuildTasks } from '../tasks/rebuild';

const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1_000;
};

/** A rebuild with one row for each event, compared with sending the same finished rows to the same table. */
export const projectRebuild: Group = {
  ids: ['project.rebuild'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const events = pace.short ? 150_000 : 1_000_000;
    const database = await createProductDatabase();
    const { urls, rolePrefix } = database;
    await fillLog(urls.owner, { events, tenants: 1_000, eventsPerTask: 1, block: 20_000 });
    const log = openLog(database);
    const pool = openProjectorPool(urls);
    await rebuildTasks(log, pool, rolePrefix);
    const lines = await readCopyLines(urls.owner);
    const owner = new Client({ connectionString: urls.owner });
    await owner.connect();
    await owner.query(`create schema bench_copy authorization ${rolePrefix}_projector`);
    const { ours, copy } = await inRounds(pace.rounds, {
      ours: () => secondsOf(() => rebuildTasks(log, pool, rolePrefix)),
      copy: () => secondsOf(() => withClient(pool, (client) => copyIn(client, rolePrefix, lines))),
    });
    await Promise.all([owner.end(), log.close(), pool.end()]);
    await database.drop();
    const rate = (seconds: readonly number[]): string => shown(events / median(seconds));
    // The ratio of the rates is the inverse of the ratio of the times.
    const samples = ratios(copy, ours);
    return [{ id: 'project.rebuild', samples, detail: `${rate(ours)} events/s to ${rate(copy)} rows/s of COPY` }];
  },
};

/** The memory of a rebuild must not grow with the log. */
export const rebuildMemory: Group = {
  ids: ['project.rebuild.rss'],
  measure: async ({ bigSystem, pace }: Bench): Promise<Measured[]> => {
    const { before, peak, seconds, course } = (await bigSystem()).rebuilt;
    const rate = shown(pace.events / seconds);
    const detail = `${shown(before)} MiB before, ${shown(peak)} at most, ${course.map(shown).join(' ')} by quarters; ${rate} events/s`;
    return [{ id: 'project.rebuild.rss', samples: [peak - before], detail }];
  },
};
