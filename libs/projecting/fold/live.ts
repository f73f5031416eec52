import type { Pool } from 'pg';
import { findInvalidMarks, type LogMark } from '#event-log/mark';
import { type EventLog, type EventMark, HistoryChanged, LogUnavailable, type Position } from '#event-log/port';
import type { Logger } from '#platform/logging/logger.port';
import { backoff, sleep } from '#platform/loops/backoff';
import { yieldToEventLoop } from '#platform/loops/yield-to-event-loop';
import { advanceOf, type Checkpoint, readCheckpoint, readParkedPartitions } from '../checkpoints/checkpoint';
import { type Projection, partitionOf } from '../projection';
import type { Progress } from '../read-your-writes/progress';
import { RowBuffer } from '../rows/row-buffer';
import { type Batch, CheckpointLost, Refolding, writeBatch } from './batch';
import { foldEvents } from './fold';
import { withoutSkipped } from './skips';

export interface LiveOptions {
  readonly log: EventLog;
  /** Of `createProjectorPool`. */
  readonly pool: Pool;
  readonly progress: Progress;
  readonly logger: Logger;
  /** Called after each batch. */
  readonly onMoved: (projection: string, checkpoint: Checkpoint, events: number) => void;
  /** Events in one batch; 2,000 by default. */
  readonly batch?: number;
  /** ms that a worker waits before it looks again at a projection that another one holds; 200 by default. */
  readonly standbyMs?: number;
  readonly signal: AbortSignal;
}

/** After so many ms without a failure the next one is a first one. */
const WELL_MS = 10_000;

/**
 * Keeps one read model up to date for as long as this worker can: reads from the checkpoint, folds, writes. Any number
 * of workers may run it; a worker that loses the checkpoint row stands by and takes over when it has stopped.
 */
export const runLive = async (projection: Projection, options: LiveOptions): Promise<void> => {
  const { pool, logger, signal, standbyMs = 200 } = options;
  const standBy = (): Promise<void> => sleep(standbyMs / 2 + Math.random() * standbyMs, signal);
  let failures = 0;
  let misfit: string | undefined;
  while (!signal.aborted) {
    const began = Date.now();
    // From before the checkpoint is read: what is read of one history must not continue in another.
    const changed = new AbortController();
    const stopListening = options.log.onHistoryChange(() => changed.abort());
    try {
      const checkpoint = await readCheckpoint(pool, projection.name);
      const before = misfit;
      misfit =
        checkpoint &&
        (await findInvalidMarks(options.log, [{ ...checkpoint, name: projection.name }])).get(projection.name);
      if (misfit !== undefined && misfit !== before) {
        logger.error(
          { projection: projection.name, reason: misfit },
          'the projection does not match the log and has stopped; rebuild it from the log',
        );
      }
      if (checkpoint && misfit === undefined) options.progress.report(projection.name, checkpoint.position);
      if (checkpoint?.state === 'running' && checkpoint.version === projection.version && misfit === undefined) {
        const standing = await readParkedPartitions(pool, projection.name);
        await follow(await withoutSkipped(pool, projection), checkpoint, standing, {
          ...options,
          signal: AbortSignal.any([signal, changed.signal]),
        });
      }
      if (changed.signal.aborted) throw new HistoryChanged();
      await standBy();
    } catch (error) {
      if (error instanceof Refolding) continue;
      if (error instanceof HistoryChanged) {
        // What is known of this projection is of the history before: its checkpoint says where it is now.
        options.progress.forget(projection.name);
        continue;
      }
      if (error instanceof CheckpointLost) {
        await standBy();
        continue;
      }
      failures = Date.now() - began > WELL_MS ? 1 : failures + 1;
      // The log says itself that it is not available.
      if (!signal.aborted && !(error instanceof LogUnavailable))
        logger.warn({ err: error, projection: projection.name }, 'the projection stopped and is started again');
      await sleep(backoff(failures, { firstMs: 50, maxMs: 2_000 }), signal);
    } finally {
      stopListening();
    }
  }
};

/** ms for which a checkpoint may lie behind where there was nothing to write: many such moves are one then. */
const IDLE_MS = 20;

/** Where a page ends that held nothing to fold. */
interface Idle {
  readonly to: Position;
  readonly mark: LogMark | undefined;
}

/**
 * Writes one after the other, in the order in which they were asked for; the first that fails ends it all. What moves the
 * checkpoint over pages that held nothing is put off, so that many of them are one write.
 */
const createWriter = (
  projection: Projection,
  write: (batch: Batch) => Promise<void>,
  onFailure: (error: unknown) => void,
) => {
  let last: Promise<void> = Promise.resolve();
  let target: Idle | undefined;
  let timer: NodeJS.Timeout | undefined;

  const then = (work: () => Promise<void> | void): void => {
    last = last.then(work);
    last.catch(onFailure);
  };
  const moveNow = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const to = target;
    target = undefined;
    if (to === undefined) return;
    const statement = advanceOf(projection, { ...to, folded: new Map(), parked: [] });
    then(() => write({ events: [], parked: [], statement }));
  };
  return {
    then,
    add: (batch: Batch): void => {
      clearTimeout(timer);
      timer = undefined;
      target = undefined;
      then(() => write(batch));
    },
    moveLater: (to: Idle): void => {
      target = to;
      timer ??= setTimeout(moveNow, IDLE_MS);
    },
    /** Resolves when everything so far is written. @throws what the first failed write threw */
    settled: (): Promise<void> => last,
    /** The same, with what was put off. */
    finish: (): Promise<void> => {
      moveNow();
      return last;
    },
    /** Forgets what was put off. */
    drop: (): void => {
      clearTimeout(timer);
      target = undefined;
    },
  };
};

/** While one batch is written, the next one is folded and made a statement, and the one after it is read. */
const follow = async (
  projection: Projection,
  start: Checkpoint,
  standing: Set<string>,
  options: LiveOptions,
): Promise<void> => {
  const { log, progress, onMoved, batch: pageSize = 2_000 } = options;
  const { name } = projection;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const { logId } = await log.identity();
  const inLog = (mark: EventMark | undefined): LogMark | undefined => mark && { ...mark, logId };
  let checkpoint = start;
  const writer = createWriter(
    projection,
    async (batch) => {
      checkpoint = await writeBatch(projection, checkpoint, batch, options);
      progress.report(name, batch.statement.to);
      onMoved(name, checkpoint, batch.events.length);
    },
    () => ended.abort(),
  );
  const buffer = new RowBuffer(projection.tables);
  /** One batch waits, ready to be sent as soon as the one before it is answered. */
  let oneBefore: Promise<void> = Promise.resolve();
  try {
    for await (const { events, position, last } of log.subscribe({
      after: start.position,
      types: projection.types,
      pageSize,
      signal,
    })) {
      if (events.length === 0) {
        // None of these events is handled: a request that waits for this position need not wait for the checkpoint to move.
        writer.then(() => progress.report(name, position));
        if (position > start.position) writer.moveLater({ to: position, mark: inLog(last) });
        continue;
      }
      buffer.clear();
      // Without what has stopped already: the batch may be folded again from its events.
      const going = standing.size === 0 ? events : events.filter((event) => !standing.has(partitionOf(event)));
      const parked = foldEvents(projection, going, standing, buffer);
      for (const { partition } of parked) standing.add(partition);
      await yieldToEventLoop();
      const statement = advanceOf(projection, { to: position, mark: inLog(last), folded: buffer.folded, parked });
      await oneBefore;
      oneBefore = writer.settled();
      writer.add({ events: going, parked, statement });
    }
    await writer.finish();
  } finally {
    ended.abort();
    writer.drop();
    await writer.settled().catch(() => {});
  }
};
