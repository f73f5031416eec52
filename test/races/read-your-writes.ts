import type { Position } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { runLive } from '#projecting/fold/live';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import { createProgress } from '#projecting/read-your-writes/progress';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import type { NotesWorld } from './notes';

/** Maximum ms that a writer waits until the read model reaches a position. */
const WAIT_MS = 10_000;

/**
 * Several writers append an event, wait for its position and then read it from the read model. The waiter receives the
 * progress of the worker, or must read the checkpoint as for a worker in another process.
 * @param wrap returns the waiter that the writers use; a test can put a bug into it
 * @returns the number of events that were not found
 */
export const countMissedWrites = async (
  world: NotesWorld,
  writes: number,
  writtenBy: 'this process' | 'another process',
  wrap = (waiter: PositionWaiter): PositionWaiter => waiter,
): Promise<number> => {
  await world.reset();
  const log = new InMemoryEventLog();
  const workerProgress = createProgress();
  const stop = new AbortController();
  const running = runLive(world.projection, {
    log,
    pool: world.pool,
    progress: workerProgress,
    logger: silentLogger,
    onMoved: () => undefined,
    batch: 5,
    signal: stop.signal,
  });
  const progress = writtenBy === 'this process' ? workerProgress : createProgress();
  const unwrapped = createPositionWaiter({
    projections: [world.projection.name],
    progress,
    pool: world.pool,
    pollMs: 5,
  });
  const waiter = wrap(unwrapped);
  const has = async (position: Position): Promise<boolean> =>
    (await world.pool.query('select from read_model.seen where position = $1', [position.toString()])).rowCount === 1;

  let missed = 0;
  const writer = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      const { position } = await log.append({
        stream: { tenantId: uuidv7(), aggregate: 'note', id: uuidv7() },
        expected: 0,
        events: [{ type: 'NoteWritten', data: { text: `text ${at}` } }],
        commandId: uuidv7(),
        actor: { kind: 'system' },
        correlationId: 'race',
      });
      if (!(await waiter.waitFor(position, WAIT_MS)) || !(await has(position))) missed += 1;
    }
  };
  await Promise.all(Array.from({ length: 5 }, () => writer(Math.ceil(writes / 5))));
  unwrapped.close();
  stop.abort();
  await running;
  return missed;
};
