import { eventually, gated, openRebuildWorld, type RebuildWorld } from '../testing/rebuild-world';
import { installProjections, requestRebuild } from './install';
import { runRebuilds } from './rebuild-queue';

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
    const gate = gated(world.log, pages);
    const { roles, logger } = world;
    const options = { log: gate.log, pool: world.worker(), roles, logger, signal: stop.signal, ...SIZES };
    running.push(runRebuilds([world.projection()], options, 20));
    return gate;
  };

  const isDone = async (): Promise<boolean> => (await world.rebuilds()).every(({ state }) => state === 'done');

  it('lose no row when the session that holds the lock is terminated while the first one loads', async () => {
    await requestRebuild(world.owner, 'notes');
    const first = startWorker(4);
    await eventually(first.waiting);
    const second = startWorker(6);
    expect(await world.terminateLockSessions()).toBe(1);
    await eventually(second.waiting);
    first.open();
    // Whatever the first one still does, it must not end the rebuild of the second one.
    await eventually(async () => !first.waiting());
    second.open();
    await eventually(isDone);
    expect(await world.rows()).toBe(NOTES);
    expect(await world.checkpoint()).toMatchObject({ epoch: 1, version: 1 });
  });
});
