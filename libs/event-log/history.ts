import type { Logger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import type { EventMark, LogIdentity, RecordedEvent } from './port';

/** The result of one inspection of the log. */
export interface HistoryReport {
  readonly identity: LogIdentity;
  /** False if the log does not hold the event of the given mark; true if no mark was given. */
  readonly holds: boolean;
  /** The last event of the log; undefined if the log is empty. */
  readonly last: EventMark | undefined;
}

export interface HistoryOptions {
  /**
   * Reads the identity and the last event, and checks whether the log holds the event of the mark.
   * @throws LogUnavailable
   */
  readonly inspect: (mark: EventMark | undefined) => Promise<HistoryReport>;
  /** Raises the epoch in the log, where all processes see it. @throws LogUnavailable */
  readonly beginEpoch: (seen: LogIdentity) => Promise<LogIdentity>;
  readonly logger: Pick<Logger, 'warn'>;
  /** ms between two inspections after the first listener was added; 1,000 by default. */
  readonly intervalMs?: number;
}

export const markOf = ({
  position,
  id,
  commandId,
  stream,
}: Pick<RecordedEvent, 'position' | 'id' | 'commandId' | 'stream'>): EventMark => ({
  position,
  eventId: id,
  commandId,
  tenantId: stream.tenantId,
});

/**
 * Detects that the log was replaced by another one or went back to an older copy: the newest event that this process
 * has seen is missing from the log, or another process has detected the same and raised the epoch.
 */
export const createHistory = ({ inspect, beginEpoch, logger, intervalMs = 1_000 }: HistoryOptions) => {
  const listeners = new Set<() => void>();
  let known: LogIdentity | undefined;
  /**
   * The newest event seen. Its mark is computed only when it is needed, because most marks are replaced before that.
   */
  let newest: { readonly position: bigint; readonly mark: () => EventMark } | undefined;
  let generation = 0;
  let checking: Promise<void> | undefined;
  let watching: AbortController | undefined;
  let reset = (): void => {};

  const observe = (position: bigint, mark: () => EventMark): void => {
    if (newest === undefined || newest.position < position) newest = { position, mark };
  };

  const compare = async (): Promise<void> => {
    const before = newest;
    const mark = before?.mark();
    const { identity, holds, last } = await inspect(mark);
    const identityChanged = known !== undefined && (identity.logId !== known.logId || identity.epoch !== known.epoch);
    if (holds && !identityChanged) {
      known = identity;
      if (!last) return;
      // If the tenant of the newest event was erased, the last event of the log lies before that event.
      if (newest === before) newest = { position: last.position, mark: () => last };
      else observe(last.position, () => last);
      return;
    }
    // If the epoch is the same, this process is the first one to detect the change: it informs the others by the epoch.
    known = identityChanged ? identity : await beginEpoch(identity);
    generation++;
    newest = last && { position: last.position, mark: () => last };
    logger.warn(
      { logId: known.logId, epoch: known.epoch, missing: mark?.position.toString(), head: last?.position.toString() },
      'the event log was restored from an older copy or replaced by another log; the caches in memory are dropped',
    );
    reset();
    for (const listener of listeners) listener();
  };

  /** Callers share a check that is in progress. @throws LogUnavailable */
  const check = (): Promise<void> => {
    checking ??= compare().finally(() => {
      checking = undefined;
    });
    return checking;
  };

  const watch = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      // A log that is not available has not gone back. It is checked again after the interval.
      await check().catch(() => {});
      await sleep(intervalMs, signal);
    }
  };

  const listen = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

  return {
    /** The number of changes of the history that were detected. */
    get generation(): number {
      return generation;
    },
    /** The identity at the last check; undefined until regular checks have begun (`onChange`). */
    get identity(): LogIdentity | undefined {
      return watching && known;
    },
    /** Notes an event that this process has seen in the log; the newest one is kept. */
    observe,
    check,
    /** Sets the action that clears the caches of the log itself. It runs before the listeners. */
    onReset: (action: () => void): void => {
      reset = action;
    },
    /** Adds a listener for changes that any check detects. @returns a function that removes the listener */
    listen,
    /** Like `listen`, and also begins regular checks, which run until `stop`. */
    onChange: (listener: () => void): (() => void) => {
      if (!watching) {
        watching = new AbortController();
        void watch(watching.signal);
      }
      return listen(listener);
    },
    stop: (): void => watching?.abort(),
  };
};

export type History = ReturnType<typeof createHistory>;
