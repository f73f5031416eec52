import { Registry } from 'prom-client';
import { REBUILD_LOCKS } from '#platform/database/locks/advisory-locks';
import { eventually, gateLog, openRebuildWorld, type RebuildWorld } from '#testing/worlds/rebuild-world';
import { installProjections, requestRebuild } from '../versions/install';
import { createRebuildMetrics } from './rebuild-metrics';
import { releaseDeadRebuilds, runRebuilds } from './rebuild-queue';
import { dropLeftovers } from './shadow-leftovers';

const NOTES = 60;
const SIZES = { pageSize: 5, chunkRows: 5 };

jest.setTimeout(120_000);

describe('two workers that rebuild one read model', () => {
  let world: RebuildWorld;
  let stop: AbortController;
  let running: Promise<void>[];

  beforeEach(async () => {
    world = await openRebuildWorld();
    stop = new AbortController();
    running = [];
    await installProjections(world.worker(), [world.projection()], world.roles);
    await world.write(NOTES);
  });
  afterEach(async () => {
    stop.abort();
    await Promise.allSettled(running);
    await world.close();
  });

  const startWorker = (pages: number) => {
    const gate = gateLog(world.log, pages);
    const { roles, logger } = world;
    const options = { log: gate.log, pool: world.worker(), roles, logger, signal: stop.signal, ...SIZES };
    running.push(runRebuilds([world.projection()], options, 20));
    return gate;
  };

  const isDone = async (): Promise<boolean> => (await world.rebuilds()).every(({ state }) => state === 'done');

  it('lose no row when the session that holds the lock is terminated while the first worker loads', async () => {
    await requestRebuild(world.owner, 'notes');
    const first = startWorker(4);
    await eventually(first.waiting);
    const second = startWorker(6);
    expect(await world.terminateLockSessions()).toBe(1);
    await eventually(second.waiting);
    first.open();
    // The first worker continues, and must not end the rebuild of the second one.
    await eventually(async () => !first.waiting());
    second.open();
    await eventually(isDone);
    expect(await world.rows()).toBe(NOTES);
    expect(await world.checkpoint()).toMatchObject({ epoch: 1, version: 1 });
  });

  it('keep the lock on a server that ends idle sessions', async () => {
    await world.query(
      `alter role ${world.roles['projector']} in database ${world.database.name} set idle_session_timeout = 300`,
    );
    await requestRebuild(world.owner, 'notes');
    const first = startWorker(4);
    await eventually(first.waiting);
    const lockSession = () =>
      world.query<{ pid: number }>(
        `select pid from pg_locks where locktype = 'advisory' and classid = ${REBUILD_LOCKS} and granted
         and database = (select oid from pg_database where datname = current_database())`,
      );
    const before = await lockSession();
    await world.query('select pg_sleep(1)');
    expect(before).toHaveLength(1);
    expect(await lockSession()).toEqual(before);
    first.open();
    await eventually(isDone);
    expect(await world.rows()).toBe(NOTES);
    expect(await world.query('select attempt from projecting.rebuilds')).toEqual([{ attempt: 1 }]);
  });

  it('leave nothing behind when one of them dies: the next attempt starts over, and the tables are dropped', async () => {
    await requestRebuild(world.owner, 'notes');
    const first = startWorker(4);
    await eventually(first.waiting);
    await world.terminateLockSessions();
    await releaseDeadRebuilds(world.worker());
    const second = startWorker(1_000);
    await eventually(isDone);
    first.open();
    const schemas = () => world.query(`select nspname from pg_namespace where nspname like 'read\\_model\\_rebuild%'`);
    await eventually(async () => {
      await dropLeftovers(world.worker(), world.logger);
      return (await schemas()).length === 0;
    });
    expect(second.waiting()).toBe(false);
    expect(await world.rows()).toBe(NOTES);
    expect(await world.checkpoint()).toMatchObject({ epoch: 1 });
  });

  it('log the tables of an attempt that died, and none after a finished rebuild', async () => {
    const lines: string[] = [];
    const capture = (_: unknown, message: string): number => lines.push(message);
    const logger = { ...world.logger, info: capture, warn: capture };
    const run = (signal: AbortSignal): Promise<void> =>
      runRebuilds(
        [world.projection()],
        { log: world.log, pool: world.worker(), roles: world.roles, logger, signal, ...SIZES },
        20,
      );
    await requestRebuild(world.owner, 'notes');
    running.push(run(stop.signal));
    await eventually(isDone);
    await eventually(async () => {
      await dropLeftovers(world.worker(), logger);
      return lines.includes('projection rebuilt');
    });
    expect(lines).toEqual(['projection rebuilt']);
    await world.query(`create schema read_model_rebuild_0000_1 authorization ${world.roles['projector']}`);
    await dropLeftovers(world.worker(), logger);
    expect(lines.slice(1)).toEqual(['dropped the tables of an attempt at a rebuild that did not end']);
  });

  it('try a failed rebuild again, with longer and longer waits, and keep the reason until it is done', async () => {
    let isBroken = true;
    const { roles, logger, log } = world;
    const failing = new Proxy(log, {
      get: (target, name) => {
        if (name === 'subscribe' && isBroken) throw new Error('the disk is full');
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const options = { log: failing, pool: world.worker(), roles, logger, signal: stop.signal };
    await requestRebuild(world.owner, 'notes');
    running.push(runRebuilds([world.projection()], options, 20));
    const readState = () =>
      world.query<{ state: string; failures: number; wait: number; error: string | null }>(
        `select state, failures, error, extract(epoch from next_attempt_at - finished_at)::float8 as wait from projecting.rebuilds`,
      );
    await eventually(async () => ((await readState())[0]?.failures ?? 0) >= 2);
    const [failed] = await readState();
    expect(failed).toMatchObject({ error: 'the disk is full' });
    expect(failed?.wait).toBe(2 ** ((failed?.failures ?? 0) - 1));
    const registry = new Registry();
    await createRebuildMetrics({ registry, pool: world.worker(), logger }).update();
    expect(await registry.metrics()).toMatch(/tenantry_rebuild_failures\{projection="notes",version="1"\} [2-9]/);
    isBroken = false;
    // The request of an operator is tried at once, although the next attempt is later.
    await requestRebuild(world.owner, 'notes');
    await eventually(isDone);
    expect(await readState()).toMatchObject([{ state: 'done', error: null }]);
  });
});
