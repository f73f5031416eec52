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
import { type Batch, CheckpointLost, RefoldRequired, writeBatch } from './batch';
import { foldEvents } from './fold';
import { withoutSkipped } from './skips';

export interface LiveOptions {
  readonly log: EventLog;
  /** Made by `createProjectorPool`. */
  readonly pool: Pool;
  readonly progress: Progress;
  readonly logger: Logger;
  /** Called after each batch, with the new checkpoint and the number of events of the batch. */
  readonly onMoved: (projection: string, checkpoint: Checkpoint, events: number) => void;
  /** Events in one batch; 2,000 by default. */
  readonly batch?: number;
  /** ms, on average, between two reads of the checkpoint while another worker runs the projection; 200 by default. */
  readonly standbyMs?: number;
  readonly signal: AbortSignal;
}

/** ms without a failure after which the next failure counts as the first. */
const STABLE_MS = 10_000;

/**
 * Keeps one read model up to date until the signal aborts: reads events from the checkpoint on, folds them and writes
 * the rows. Any number of workers may run it. One of them moves the checkpoint; the others wait and take over when it
 * no longer moves. Failures are logged and tried again; nothing is thrown.
 */
export const runLive = async (projection: Projection, options: LiveOptions): Promise<void> => {
  const { pool, logger, signal, standbyMs = 200 } = options;
  const standBy = (): Promise<void> => sleep(standbyMs / 2 + Math.random() * standbyMs, signal);
  let failures = 0;
  let mismatch: string | undefined;
  while (!signal.aborted) {
    const began = Date.now();
    // Registered before the checkpoint is read: a checkpoint of one history must not be used with events of another.
    const changed = new AbortController();
    const stopListening = options.log.onHistoryChange(() => changed.abort());
    try {
      const checkpoint = await readCheckpoint(pool, projection.name);
      const before = mismatch;
      mismatch =
        checkpoint &&
        (await findInvalidMarks(options.log, [{ ...checkpoint, name: projection.name }])).get(projection.name);
      if (mismatch !== undefined && mismatch !== before) {
        logger.error(
          { projection: projection.name, reason: mismatch },
          'the projection does not match the log and has stopped; rebuild it from the log',
        );
      }
      if (checkpoint && mismatch === undefined) options.progress.report(projection.name, checkpoint.position);
      if (checkpoint?.state === 'running' && checkpoint.version === projection.version && mismatch === undefined) {
        const parked = await readParkedPartitions(pool, projection.name);
        await follow(await withoutSkipped(pool, projection), checkpoint, parked, {
          ...options,
          signal: AbortSignal.any([signal, changed.signal]),
        });
      }
      if (changed.signal.aborted) throw new HistoryChanged();
      await standBy();
    } catch (error) {
      if (error instanceof RefoldRequired) continue;
      if (error instanceof HistoryChanged) {
        // The remembered position belongs to the history before. The checkpoint is read again.
        options.progress.forget(projection.name);
        continue;
      }
      if (error instanceof CheckpointLost) {
        await standBy();
        continue;
      }
      failures = Date.now() - began > STABLE_MS ? 1 : failures + 1;
      // An unavailable log is reported by the log itself.
      if (!signal.aborted && !(error instanceof LogUnavailable))
        logger.warn({ err: error, projection: projection.name }, 'the projection stopped and is started again');
      await sleep(backoff(failures, { firstMs: 50, maxMs: 2_000 }), signal);
    } finally {
      stopListening();
    }
  }
};

/**
 * ms for which the move of a checkpoint over pages without events is delayed, so that many such moves become one write.
 */
const EMPTY_PAGES_MS = 20;

/** The end of a page that contained no event to fold. */
interface EmptyPageEnd {
  readonly to: Position;
  readonly mark: LogMark | undefined;
}

/**
 * Executes writes one after the other, in the order in which they were added. After the first failure no further write
 * is executed. Moves of the checkpoint over empty pages are delayed, so that many of them become one write.
 * @param onFailure called when a write has failed
 */
const createWriter = (
  projection: Projection,
  write: (batch: Batch) => Promise<void>,
  onFailure: (error: unknown) => void,
) => {
  let last: Promise<void> = Promise.resolve();
  let target: EmptyPageEnd | undefined;
  let timer: NodeJS.Timeout | undefined;

  const enqueue = (work: () => Promise<void> | void): void => {
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
    enqueue(() => write({ events: [], parked: [], statement }));
  };
  return {
    enqueue,
    add: (batch: Batch): void => {
      clearTimeout(timer);
      timer = undefined;
      target = undefined;
      enqueue(() => write(batch));
    },
    moveLater: (to: EmptyPageEnd): void => {
      target = to;
      timer ??= setTimeout(moveNow, EMPTY_PAGES_MS);
    },
    /** Resolves when everything that was added so far is written. @throws the error of the first write that failed */
    settled: (): Promise<void> => last,
    /** Like `settled`, after adding the delayed move. @throws the error of the first write that failed */
    finish: (): Promise<void> => {
      moveNow();
      return last;
    },
    /** Discards the delayed move. */
    discardDelayed: (): void => {
      clearTimeout(timer);
      target = undefined;
    },
  };
};

/**
 * Folds and writes events until the signal aborts. While one batch is written, the next one is folded and its statement
 * is built, and the one after that is read.
 * @param parked partitions that are parked; partitions that are parked from now on are added
 * @throws CheckpointLost, RefoldRequired, HistoryChanged, or the error of the log or of the database
 */
const follow = async (
  projection: Projection,
  start: Checkpoint,
  parked: Set<string>,
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
  /** Resolves when the batch before the last one is written, so that at most one finished batch waits. */
  let previous: Promise<void> = Promise.resolve();
  try {
    for await (const { events, position, last } of log.subscribe({
      after: start.position,
      types: projection.types,
      pageSize,
      signal,
    })) {
      if (events.length === 0) {
        // The page has no event to fold. Requests that wait for this position need not wait until the checkpoint moves.
        writer.enqueue(() => progress.report(name, position));
        if (position > start.position) writer.moveLater({ to: position, mark: inLog(last) });
        continue;
      }
      buffer.clear();
      // Events of parked partitions are removed, because the batch may be folded again from its events.
      const unparked = parked.size === 0 ? events : events.filter((event) => !parked.has(partitionOf(event)));
      const newlyParked = foldEvents(projection, unparked, parked, buffer);
      for (const { partition } of newlyParked) parked.add(partition);
      await yieldToEventLoop();
      const statement = advanceOf(projection, {
        ...{ to: position, mark: inLog(last), folded: buffer.folded, parked: newlyParked },
      });
      await previous;
      previous = writer.settled();
      writer.add({ events: unparked, parked: newlyParked, statement });
    }
    await writer.finish();
  } finally {
    ended.abort();
    writer.discardDelayed();
    await writer.settled().catch(() => {});
  }
};
