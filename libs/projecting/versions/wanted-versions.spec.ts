import { eventually, openRebuildWorld, type RebuildWorld } from '#testing/rebuild-world';
import { startEngine } from '../engine';
import { createProgress } from '../read-your-writes/progress';
import { installProjections, requestRebuild } from './install';
import { createProcesses } from './processes';
import { reconcileVersions } from './wanted-versions';

jest.setTimeout(180_000);

/** ms without a beat until a process is taken for dead: short, and far longer than a beat takes on a busy machine. */
const SILENCE_MS = 4_000;

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

  /** A worker of the release that has this version. */
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
      silenceMs: SILENCE_MS,
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

  it('follows a rolling deployment: the new release gets its version, though the old one runs, too, and stops later', async () => {
    const old = await startRelease(1);
    await startRelease(2);
    await versionIs(2);
    await old.stop();
    expect((await world.checkpoint())?.version).toBe(2);
    expect(await states()).toEqual(['done']);
  });

  it('goes back with the release: the old one gets its version again once no newer process runs', async () => {
    await startRelease(1);
    const next = await startRelease(2);
    await versionIs(2);
    await next.stop();
    await versionIs(1);
    await startRelease(2);
    await versionIs(2);
  });

  it('is not taken back by an old worker while a process of the newer release beats, be it no worker', async () => {
    const next = await startRelease(2);
    await versionIs(2);
    await next.stop();
    const { logger } = world;
    const projections = [world.projection(2)];
    const api = createProcesses({ pool: world.worker(), projections, role: 'api', logger });
    await api.look();
    const old = [world.projection(1)];
    const pool = world.worker();
    const processes = createProcesses({ pool, projections: old, role: 'worker', logger, silenceMs: 0 });
    await processes.look();
    const lively = { ...processes, mayBeNewer: () => true, isNewer: () => true };
    await reconcileVersions({ pool, projections: old, processes: lively, logger });
    expect(await states()).toEqual(['done']);
    // It beats no more.
    await new Promise((resolve) => setTimeout(resolve, 20));
    await processes.look();
    expect(processes.mayBeNewer('notes')).toBe(false);
    await reconcileVersions({ pool, projections: old, processes, logger });
    expect(await states()).toEqual(['done', 'requested']);
    // A process of the newer release is back: what the old one has requested is ended.
    await reconcileVersions({ pool, projections, processes: lively, logger });
    expect(await states()).toEqual(['done', 'superseded']);
  });

  it('is served only by a worker that has exactly that version', async () => {
    await startRelease(1);
    await requestRebuild(world.owner, 'notes', { version: 3 });
    const same = await requestRebuild(world.owner, 'notes');
    await eventually(async () => (await world.rebuilds()).some(({ id, state }) => id === same && state === 'done'));
    expect((await states()).toSorted()).toEqual(['done', 'requested']);
    await startRelease(2);
    await startRelease(3);
    await versionIs(3);
  });

  it('is the installed one where a rebuild is requested without naming any', async () => {
    await requestRebuild(world.owner, 'notes');
    expect(await world.query('select version, downgrade from projecting.rebuilds')).toEqual([
      { version: 1, downgrade: false },
    ]);
    await expect(requestRebuild(world.owner, 'nothing')).rejects.toThrow('nothing is not installed');
  });
});
