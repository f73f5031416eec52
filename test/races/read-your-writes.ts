import type { Position } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { silentLogger } from '#platform/logging/logger.port';
import { runLive } from '#projecting/fold/live';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import { createProgress } from '#projecting/read-your-writes/progress';
import { InMemoryEventLog } from '#testing/in-memory-event-log';
import type { NotesWorld } from './notes';

const PATIENCE_MS = 10_000;

/**
 * Writes, waits for the position and looks, many at the same time; the read model is written in this process or, as far
 * as the waiter knows, in another.
 * @param between stands between the waiter and those who wait: the place for a bug
 * @returns how many did not find what they had written
 */
export const missedOwnWrites = async (
  world: NotesWorld,
  writes: number,
  where: 'here' | 'elsewhere',
  between = (waiter: PositionWaiter): PositionWaiter => waiter,
): Promise<number> => {
  await world.reset();
  const log = new InMemoryEventLog();
  const written = createProgress();
  const stop = new AbortController();
  const running = runLive(world.projection, {
    log,
    pool: world.pool,
    progress: written,
    logger: silentLogger,
    onMoved: () => undefined,
    batch: 5,
    signal: stop.signal,
  });
  const progress = where === 'here' ? written : createProgress();
  const waiting = createPositionWaiter({ projections: [world.projection.name], progress, pool: world.pool, pollMs: 5 });
  const waiter = between(waiting);
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
      if (!(await waiter.waitFor(position, PATIENCE_MS)) || !(await has(position))) missed += 1;
    }
  };
  await Promise.all(Array.from({ length: 5 }, () => writer(Math.ceil(writes / 5))));
  waiting.close();
  stop.abort();
  await running;
  return missed;
};
