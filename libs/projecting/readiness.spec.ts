import { openRebuildWorld, type RebuildWorld } from '#testing/worlds/rebuild-world';
import { projectionsCheck } from './readiness';
import { installProjections, requestRebuild } from './versions/install';

describe('the readiness check of projections', () => {
  let world: RebuildWorld;
  beforeEach(async () => {
    world = await openRebuildWorld();
  });
  afterEach(() => world.close());

  const install = () => installProjections(world.worker(), [world.projection(1)], world.roles);
  const checkOf = (version: number, patienceMs: number, isNewer = false) =>
    projectionsCheck({
      ...{ log: world.log, pool: world.worker(), projections: [world.projection(version)], patienceMs },
      processes: { isNewer: () => isNewer },
    });
  const messageOf = (check: ReturnType<typeof checkOf>): Promise<string> =>
    Promise.resolve(check.run()).then(
      () => 'passed',
      (error: Error) => error.message,
    );
  const forever = 1_000_000;

  it('fails while a projection is not installed', async () => {
    expect(await messageOf(checkOf(1, forever))).toContain('notes is not installed');
    await install();
    expect(await messageOf(checkOf(1, forever))).toBe('passed');
  });

  it('fails if a projection has stopped behind the head of the log, unless an operator has paused it', async () => {
    await install();
    await world.write(1);
    const check = checkOf(1, -1);
    expect(await messageOf(check)).toBe('passed');
    expect(await messageOf(check)).toContain('notes has stopped at position 0');
    expect(await messageOf(checkOf(1, forever))).toBe('passed');
    await world.query(`update projecting.checkpoints set state = 'paused'`);
    expect(await messageOf(check)).toBe('passed');
  });

  it('passes while the version of this release is built, and fails if its rebuild is not requested, waits or has failed', async () => {
    await install();
    expect(await messageOf(checkOf(2, forever))).toBe('passed');
    expect(await messageOf(checkOf(2, -1))).toContain('no rebuild is requested');
    await requestRebuild(world.owner, 'notes', { version: 2 });
    expect(await messageOf(checkOf(2, -1))).toContain('waits for a worker that has this version');
    await world.query(`update projecting.rebuilds set state = 'loading'`);
    expect(await messageOf(checkOf(2, -1))).toBe('passed');
    await world.query(`update projecting.rebuilds set state = 'failed', failures = 3, error = 'a secret'`);
    const message = await messageOf(checkOf(2, forever));
    expect(message).toMatch(
      /^The rebuild of notes to version 2 has failed 3 times\. The next attempt begins at \S+ UTC/,
    );
    expect(message).not.toContain('secret');
  });

  it('passes in an older release while a newer one runs, and fails if none runs and no rebuild is requested', async () => {
    await install();
    await world.query('update projecting.checkpoints set version = 2');
    expect(await messageOf(checkOf(1, -1, true))).toBe('passed');
    expect(await messageOf(checkOf(1, -1))).toContain('notes is at version 2, this process folds version 1');
  });
});
