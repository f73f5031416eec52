import { eventually, openRebuildWorld, type RebuildWorld } from '#testing/worlds/rebuild-world';
import { startEngine } from '../engine';
import { createProgress } from '../read-your-writes/progress';
import { installProjections, requestRebuild } from './install';
import { createProcesses } from './processes';
import { reconcileVersions } from './wanted-versions';

jest.setTimeout(180_000);

/**
 * ms without a heartbeat until a process counts as dead: short, and much longer than a heartbeat takes on a busy
 * machine.
 */
const DEAD_AFTER_MS = 4_000;

describe('the version of a read model', () => {
  let world: RebuildWorld;
  let stops: (() => Promise<void>)[];

  beforeEach(async () => {
    world = await openRebuildWorld();
    stops = [];
    await installProjections(world.worker(), [world.projection(1)], world.roles);
    await world.write(5);
  });
  afterEach(async () => {
    await Promise.all(stops.map((stop) => stop()));
    await world.close();
  });

  /** Starts a worker of the release with this version. */
  const startRelease = async (version: number, refuses?: () => boolean) => {
    const { log, roles, logger } = world;
    const pool = world.worker();
    const projections = [world.projection(version, refuses)];
    await installProjections(pool, projections, roles);
    const processes = createProcesses({
      pool,
      projections,
      role: 'worker',
      logger,
      beatMs: 200,
      deadAfterMs: DEAD_AFTER_MS,
    });
    const stopping = new AbortController();
    const beating = processes.run(stopping.signal);
    const metrics = { moved: () => undefined, watch: async () => undefined };
    const engine = startEngine({
      ...{ projections, log, pool, roles, logger, processes, metrics },
      progress: createProgress(),
    });
    const stop = async (): Promise<void> => {
      await engine.stop();
      stopping.abort();
      await beating;
    };
    stops.push(stop);
    return { stop, processes };
  };

  const versionIs = (version: number) =>
    eventually(async () => (await world.checkpoint())?.version === version && (await textsAre(version)));
  const textsAre = async (version: number): Promise<boolean> => {
    const rows = await world.query<{ text: string }>('select text from read_model.notes');
    return rows.length > 0 && rows.every(({ text }) => text.startsWith(`v${version} `));
  };
  const states = async (): Promise<string[]> => (await world.rebuilds()).map(({ state }) => state);

  it('follows a rolling deployment: the version of the new release is built while the old release still runs', async () => {
    const old = await startRelease(1);
    await startRelease(2);
    await versionIs(2);
    await old.stop();
    expect((await world.checkpoint())?.version).toBe(2);
    expect(await states()).toEqual(['done']);
  });

  it('follows a rollback: the version of the old release is built again when no newer process runs any more', async () => {
    await startRelease(1);
    const next = await startRelease(2);
    await versionIs(2);
    await next.stop();
    await versionIs(1);
    await startRelease(2);
    await versionIs(2);
  });

  it('is not lowered by an old worker while a process of the newer release is alive, even if that is no worker', async () => {
    const next = await startRelease(2);
    await versionIs(2);
    await next.stop();
    const { logger } = world;
    const projections = [world.projection(2)];
    const api = createProcesses({ pool: world.worker(), projections, role: 'api', logger });
    await api.refresh();
    const old = [world.projection(1)];
    const pool = world.worker();
    const processes = createProcesses({ pool, projections: old, role: 'worker', logger, deadAfterMs: 0 });
    await processes.refresh();
    const newerAlive = { ...processes, mayBeNewer: () => true, isNewer: () => true };
    await reconcileVersions({ pool, projections: old, processes: newerAlive, logger });
    expect(await states()).toEqual(['done']);
    // The process of the newer release sends no more heartbeats.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await processes.refresh();
    expect(processes.mayBeNewer('notes')).toBe(false);
    await reconcileVersions({ pool, projections: old, processes, logger });
    expect(await states()).toEqual(['done', 'requested']);
    // A process of the newer release runs again: the request of the old one is ended.
    await reconcileVersions({ pool, projections, processes: newerAlive, logger });
    expect(await states()).toEqual(['done', 'superseded']);
  });

  it('is built only by a worker that has exactly the requested version', async () => {
    await startRelease(1);
    await requestRebuild(world.owner, 'notes', { version: 3 });
    const same = await requestRebuild(world.owner, 'notes');
    await eventually(async () => (await world.rebuilds()).some(({ id, state }) => id === same && state === 'done'));
    expect((await states()).toSorted()).toEqual(['done', 'requested']);
    await startRelease(2);
    await startRelease(3);
    await versionIs(3);
  });

  it('may still replace a higher one after an operator has requested the same rebuild again', async () => {
    await world.query(`update projecting.checkpoints set version = 2 where projection = 'notes'`);
    const id = await requestRebuild(world.owner, 'notes', { version: 1, downgrade: true });
    expect(await requestRebuild(world.owner, 'notes', { version: 1 })).toBe(id);
    expect(await world.query('select downgrade from projecting.rebuilds where id = $1', id)).toEqual([
      { downgrade: true },
    ]);
  });

  it('is the installed one if a rebuild is requested without a version', async () => {
    await requestRebuild(world.owner, 'notes');
    expect(await world.query('select version, downgrade from projecting.rebuilds')).toEqual([
      { version: 1, downgrade: false },
    ]);
    await expect(requestRebuild(world.owner, 'nothing')).rejects.toThrow('nothing is not installed');
  });
});
