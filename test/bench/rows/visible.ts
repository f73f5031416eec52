import { performance } from 'node:perf_hooks';
import { createPool } from '#platform/database/connections/pools';
import { createScopedDb, type Statement } from '#platform/database/scoped/scoped-db';
import { silentLogger } from '#platform/logging/logger.port';
import { runLive } from '#projecting/fold/live';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import { createProgress } from '#projecting/read-your-writes/progress';
import type { Bench, Group, Measured } from '../group';
import { turn } from '../load';
import { createProductDatabase, openLog, openProjectorPool, productAppends } from '../product';
import { median, percentile, shown } from '../statistics';
import { appendTask, tenantId } from '../tasks/events';
import { tasksProjection } from '../tasks/projection';

const TENANTS = 1_000;
/**
 * Seconds of unmeasured load: connections are opened, the code is compiled, and the queue of that time becomes empty.
 */
const WARM_UP = 4;
/** One of this many appends is searched for in the read model. */
const SAMPLE_EVERY = 10;
const WAIT_MS = 10_000;

const TASK: Statement = {
  name: 'task-state',
  text: `select state from read_model.tasks
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid) and task_id = $1`,
};

/** Calls `send` at regular intervals and does not wait for earlier calls, as many independent clients do. */
const openLoop = async (perSecond: number, seconds: number, send: (at: number) => Promise<void>): Promise<void> => {
  const began = performance.now();
  const total = Math.floor(perSecond * seconds);
  const sent: Promise<void>[] = [];
  while (sent.length < total) {
    const due = Math.min(total, Math.ceil(((performance.now() - began) / 1_000) * perSecond));
    while (sent.length < due) sent.push(send(sent.length));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(sent);
};

/**
 * The time from the acknowledged append until a query of the tenant finds the row, at half of the maximum load of the
 * log, with log, projection and queries in one process, as with `ROLE=all`.
 */
export const visible: Group = {
  ids: ['visible.p99'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const database = await createProductDatabase();
    const peak = (await turn(productAppends(database, TENANTS), 64, pace)).perSecond;
    const log = openLog(database);
    const projector = openProjectorPool(database.urls);
    const app = createPool({ url: database.urls.app, max: 10, applicationName: 'tenantry-bench-app' });
    const db = createScopedDb(app);
    const progress = createProgress();
    const projections = [tasksProjection.name];
    const waiter = createPositionWaiter({ projections, progress, pool: projector });
    const stopping = new AbortController();
    const { signal } = stopping;
    const options = { log, pool: projector, progress, logger: silentLogger, onMoved: () => {}, signal };
    const running = runLive(tasksProjection, options);
    await waiter.waitFor(await log.head(), 60_000);

    const measure = async (): Promise<number[]> => {
      const took: number[] = [];
      const begin = performance.now() + WARM_UP * 1_000;
      await openLoop(peak / 2, WARM_UP + Math.max(3, pace.seconds), async (at) => {
        const append = appendTask(tenantId(at % TENANTS));
        const { position } = await log.append(append);
        if (at % SAMPLE_EVERY !== 0) return;
        const acknowledged = performance.now();
        const reached = await waiter.waitFor(position, WAIT_MS);
        const rows = await db.tenant(append.stream.tenantId ?? '').query(TASK, [append.stream.id]);
        if (!reached || rows.length !== 1) throw new Error('a row did not become visible in time');
        if (acknowledged >= begin) took.push(performance.now() - acknowledged);
      });
      return took;
    };
    const rounds: number[][] = [];
    for (let round = 0; round < (pace.short ? 1 : pace.rounds); round++) rounds.push(await measure());

    stopping.abort();
    await running;
    waiter.close();
    await Promise.all([log.close(), projector.end(), app.end()]);
    await database.drop();
    const detail = `p50 ${shown(median(rounds.flat()))} ms at ${shown(peak / 2)} appends/s, ${rounds.flat().length} samples`;
    return [{ id: 'visible.p99', samples: rounds.map((took) => percentile(took, 0.99)), detail }];
  },
};
