import { performance } from 'node:perf_hooks';
import { Client } from 'pg';
import { silentLogger } from '../../../libs/platform/logger.port';
import { runLive } from '../../../libs/projecting/live';
import { createProgress } from '../../../libs/projecting/progress';
import type { TestDatabase } from '../../../libs/testing/database';
import type { Bench, Group, Measured } from '../group';
import { inRounds } from '../load';
import { createEmmettDatabase } from '../peers/emmett';
import { emmettProjectsPerSecond, fillEmmett } from '../peers/emmett-projection';
import { createProductDatabase, openLog, openProjectorPool } from '../product';
import { median, ratios, shown } from '../statistics';
import { fillLog } from '../tasks/fill';
import { tasksProjection } from '../tasks/projection';

const resetTasks = async (ownerUrl: string): Promise<void> => {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  await client.query('truncate read_model.tasks');
  await client.query(`update projecting.checkpoints set position = 0, epoch = epoch + 1 where projection = 'tasks'`);
  await client.end();
};

/** Events a second of the live projection, from the beginning of the log to its head. */
const projectsPerSecond = async (database: TestDatabase, events: number): Promise<number> => {
  await resetTasks(database.urls.owner);
  const log = openLog(database);
  const pool = openProjectorPool(database.urls);
  const progress = createProgress();
  const head = await log.head();
  const stopping = new AbortController();
  const began = performance.now();
  const caughtUp = new Promise<number>((resolve) => {
    progress.onChange(() => {
      if ((progress.positions.get(tasksProjection.name) ?? 0n) >= head) resolve(performance.now());
    });
  });
  const { signal } = stopping;
  const running = runLive(tasksProjection, { log, pool, progress, logger: silentLogger, onMoved: () => {}, signal });
  const ended = await Promise.race([caughtUp, running.then(() => Number.NaN)]);
  stopping.abort();
  await running;
  await Promise.all([log.close(), pool.end()]);
  return (events * 1_000) / (ended - began);
};

/** Emmett's best of 100 (its own), 250, 500, 1,000, 2,000 and 5,000: its checkpoint is written after each event. */
const EMMETT_BATCH = 500;

/** A backlog projected live, half new rows and half changed ones, tuned against tuned. */
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
