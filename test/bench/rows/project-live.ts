import type { TestDatabase } from '#testing/database';
import type { Bench, Group, Measured } from '../group';
import { inRounds } from '../load';
import { createEmmettDatabase } from '../peers/emmett';
import { emmettProjectsPerSecond, fillEmmett } from '../peers/emmett-projection';
import { createProductDatabase, openLog, openProjectorPool } from '../product';
import { median, ratios, shown } from '../statistics';
import { fillLog } from '../tasks/fill';
import { msOfLive, resetTasks } from '../tasks/live';

/** Events per second of the live projection, from the beginning of the log to its end. */
const projectsPerSecond = async (database: TestDatabase, events: number): Promise<number> => {
  await resetTasks(database.urls.owner);
  const log = openLog(database);
  const pool = openProjectorPool(database.urls);
  const ms = await msOfLive(log, pool);
  await Promise.all([log.close(), pool.end()]);
  return (events * 1_000) / ms;
};

/**
 * Emmett's fastest batch size of 100 (its default), 250, 500, 1,000, 2,000 and 5,000. It writes a checkpoint per event.
 */
const EMMETT_BATCH = 500;

/** A backlog that is projected live, half of it new rows and half of it changed ones. Both systems are tuned. */
export const projectLive: Group = {
  ids: ['project.live'],
  measure: async ({ server, pace }: Bench): Promise<Measured[]> => {
    const events = pace.short ? 80_000 : 240_000;
    const theirEvents = pace.short ? 3_000 : 10_000;
    const database = await createProductDatabase();
    await fillLog(database.urls.owner, { events, tenants: 1_000, eventsPerTask: 2, block: 20_000 });
    const emmettUrl = await createEmmettDatabase(server.url, 'tenantry_bench_emmett_live');
    await fillEmmett(emmettUrl, { events: theirEvents, tenants: 1_000, eventsPerTask: 2, block: theirEvents / 2 });
    const { ours, emmett } = await inRounds(pace.rounds, {
      ours: () => projectsPerSecond(database, events),
      emmett: () => emmettProjectsPerSecond(emmettUrl, theirEvents, EMMETT_BATCH),
    });
    await database.drop();
    const detail = `${shown(median(ours))} events/s to Emmett's ${shown(median(emmett))}`;
    return [{ id: 'project.live', samples: ratios(ours, emmett), detail }];
  },
};
