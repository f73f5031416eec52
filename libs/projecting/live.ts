import type { Pool } from 'pg';
import type { EventLog, Page, Position } from '../event-log/port';
import { backoff, sleep } from '../platform/backoff';
import { withClient } from '../platform/database/pools';
import type { Logger } from '../platform/logger.port';
import { advance, type Checkpoint, type Parked, readCheckpoint, readParkedLanes } from './checkpoint';
import { foldEvents } from './fold';
import { findRefusedLanes, isDataError } from './poison';
import type { Progress } from './progress';
import { laneOf, type Projection } from './projection';
import { RowBuffer } from './row-buffer';

export interface LiveOptions {
  readonly log: EventLog;
  /** Of `createProjectorPool`. */
  readonly pool: Pool;
  readonly progress: Progress;
  readonly logger: Logger;
  /** Told after each batch. */
  readonly onMoved: (projection: string, checkpoint: Checkpoint, events: number) => void;
  /** Events in one batch; 2,000 unless given. */
  readonly batch?: number;
  /** ms that a worker waits before it looks again at a projection that another one holds; 200 unless given. */
  readonly standbyMs?: number;
  readonly signal: AbortSignal;
}

/** Thrown inside the loop: another worker, an operator or a rebuild moved the checkpoint. */
class Lost extends Error {}

/**
 * Keeps one read model up to date for as long as this worker can: reads from the checkpoint, folds, writes. Any number
 * of workers may run it; whoever loses the checkpoint row stands by and takes over when it stands still.
 */
export const runLive = async (projection: Projection, options: LiveOptions): Promise<void> => {
  const { pool, logger, signal, standbyMs = 200 } = options;
  let failures = 0;
  while (!signal.aborted) {
    try {
      const checkpoint = await readCheckpoint(pool, projection.name);
      if (checkpoint) options.progress.report(projection.name, checkpoint.position);
      if (checkpoint?.state === 'running' && checkpoint.version === projection.version) {
        const standing = await readParkedLanes(pool, projection.name);
        failures = 0;
        await follow(projection, checkpoint, standing, options);
      }
      await sleep(standbyMs / 2 + Math.random() * standbyMs, signal);
    } catch (error) {
      if (error instanceof Lost) {
        await sleep(standbyMs / 2 + Math.random() * standbyMs, signal);
        continue;
      }
      failures += 1;
      if (!signal.aborted) logger.warn({ err: error, projection: projection.name }, 'projection stopped, trying again');
      await sleep(backoff(failures, { firstMs: 50, maxMs: 2_000 }), signal);
    }
  }
};

/** ms for which a checkpoint may lie behind where there was nothing to write: many such moves are one then. */
const IDLE_MS = 20;

/**
 * Moves the checkpoint over pages that held nothing for this projection, later and at once. What waits in this process
 * is told by `progress` without waiting for it.
 */
const createIdleMoves = (move: (to: Position) => Promise<void>, onLost: (error: unknown) => void) => {
  let target: Position | undefined;
  let timer: NodeJS.Timeout | undefined;
  let moving: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const to = target;
    target = undefined;
    if (to !== undefined) moving = moving.then(() => move(to));
    return moving;
  };
  return {
    later: (to: Position): void => {
      target = to;
      timer ??= setTimeout(() => flush().catch(onLost), IDLE_MS);
    },
    /** Forgets a move that another one will make, and waits for the one that is under way. */
    settle: (): Promise<void> => {
      clearTimeout(timer);
      timer = undefined;
      target = undefined;
      return moving;
    },
    flush,
  };
};

const follow = async (
  projection: Projection,
  start: Checkpoint,
  standing: Set<string>,
  options: LiveOptions,
): Promise<void> => {
  const { log, progress, onMoved, batch = 2_000 } = options;
  let checkpoint = start;
  let lost: unknown;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const buffer = new RowBuffer(projection.tables);
  const move = async (page: Page): Promise<void> => {
    checkpoint = await project(projection, page, checkpoint, standing, buffer, options);
    onMoved(projection.name, checkpoint, page.events.length);
  };
  const idle = createIdleMoves(
    (position) => move({ events: [], position, caughtUp: true }),
    (error) => {
      lost = error;
      ended.abort();
    },
  );
  try {
    for await (const page of log.subscribe({
      after: start.position,
      types: projection.types,
      pageSize: batch,
      signal,
    })) {
      if (page.events.length === 0) idle.later(page.position);
      else {
        await idle.settle();
        await move(page);
      }
      progress.report(projection.name, page.position);
    }
    if (lost) throw lost;
    await idle.flush();
  } finally {
    ended.abort();
    await idle.settle().catch(() => {});
  }
};

const project = async (
  projection: Projection,
  page: Page,
  from: Checkpoint,
  standing: Set<string>,
  buffer: RowBuffer,
  { pool, logger }: LiveOptions,
): Promise<Checkpoint> => {
  const write = (parked: readonly Parked[]): Promise<boolean> =>
    withClient(pool, (client) =>
      advance(client, { projection, from, to: page.position, folded: buffer.folded, parked }),
    );
  buffer.clear();
  let parked = foldEvents(projection, page.events, standing, buffer, from.position);
  let moved: boolean;
  try {
    moved = await write(parked);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const going = page.events.filter((event) => event.position > from.position && !standing.has(laneOf(event)));
    const refused = await findRefusedLanes(pool, projection, going);
    // Refused for no lane of its own: two lanes contradict each other, which no lane can be blamed for.
    if (refused.length === 0) throw error;
    const stops = new Map(refused.map(({ lane, position }) => [lane, position]));
    const rest = going.filter((event) => event.position < (stops.get(laneOf(event)) ?? event.position + 1n));
    buffer.clear();
    parked = [...refused, ...foldEvents(projection, rest, standing, buffer)];
    moved = await write(parked);
  }
  if (!moved) throw new Lost();
  for (const { lane, type, error } of parked) {
    standing.add(lane);
    logger.error({ projection: projection.name, lane, type, reason: error }, 'event refused, lane parked');
  }
  return { ...from, position: page.position };
};
