import { rebuild } from '#projecting/rebuild/rebuild';
import { installProjections, requestRebuild } from '#projecting/versions/install';
import { eventually, gateLog, openRebuildWorld, type RebuildWorld } from '#testing/worlds/rebuild-world';
import type { Rewrite } from './checkpoint';
import { faultyPool } from './faulty-pool';

const NOTES = 60;

const inWorld = async (work: (world: RebuildWorld) => Promise<string | undefined>): Promise<string | undefined> => {
  const world = await openRebuildWorld();
  try {
    await installProjections(world.worker(), [world.projection(1)], world.roles);
    await world.write(NOTES);
    return await work(world);
  } finally {
    await world.close();
  }
};

const startRebuild = (world: RebuildWorld, id: string, version: number, pages: number, rewrite?: Rewrite) => {
  const gate = gateLog(world.log, pages);
  const pool = faultyPool(world.worker(), () => 'none', rewrite);
  const { roles, logger } = world;
  const options = { ...{ log: gate.log, pool, roles, logger }, signal: new AbortController().signal };
  const ended = rebuild(world.projection(version), id, { ...options, pageSize: 5, chunkRows: 5 }).then(
    () => 'done',
    (error: Error) => error.name,
  );
  return { ...gate, ended };
};

/**
 * A worker continues with a rebuild after another one has claimed it. It must neither finish the rebuild nor swap
 * tables.
 * @returns the error that was found; undefined if there was none
 */
export const overtakenRebuild = (rewrite?: Rewrite): Promise<string | undefined> =>
  inWorld(async (world) => {
    const id = await requestRebuild(world.owner, 'notes');
    const first = startRebuild(world, id, 1, 4, rewrite);
    await eventually(first.waiting);
    const second = startRebuild(world, id, 1, 6, rewrite);
    await eventually(second.waiting);
    first.open();
    const end = await first.ended;
    const epoch = (await world.checkpoint())?.epoch;
    second.open();
    await second.ended;
    if (end !== 'AttemptLost' || epoch !== 0) return `the overtaken attempt ended as ${end}, with ${epoch} swaps`;
    const [swaps, rows] = [(await world.checkpoint())?.epoch, await world.rows()];
    return swaps === 1 && rows === NOTES ? undefined : `${swaps} swaps and ${rows} rows of ${NOTES}`;
  });

/**
 * A worker of an older release gets a request for the version of a newer release. It must not do that rebuild.
 * @returns the error that was found; undefined if there was none
 */
export const requestOfNewerRelease = (rewrite?: Rewrite): Promise<string | undefined> =>
  inWorld(async (world) => {
    const id = await requestRebuild(world.owner, 'notes', { version: 2 });
    await startRebuild(world, id, 1, 1_000, rewrite).ended;
    const [request] = await world.rebuilds();
    const version = (await world.checkpoint())?.version;
    return request?.state === 'done' && version !== 2
      ? `the request for version 2 is done, and version ${version} is installed`
      : undefined;
  });
