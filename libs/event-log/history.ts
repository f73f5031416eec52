import type { Logger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import type { EventMark, LogIdentity, RecordedEvent } from './port';

/** What one look at the log shows. */
export interface HistoryReport {
  readonly identity: LogIdentity;
  /** False where the log does not hold the event of the mark that was asked about. */
  readonly holds: boolean;
  /** The last event that the log holds now. */
  readonly last: EventMark | undefined;
}

export interface HistoryOptions {
  /** Looks at the log, and for the event of a mark. @throws LogUnavailable */
  readonly look: (mark: EventMark | undefined) => Promise<HistoryReport>;
  /** Raises the epoch, for all processes to see. @throws LogUnavailable */
  readonly beginEpoch: (seen: LogIdentity) => Promise<LogIdentity>;
  readonly logger: Pick<Logger, 'warn'>;
  /** ms between two looks while somebody listens; 1,000 by default. */
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
 * Notices that the log is another one than before, or went back to an older copy: the newest event that this process has
 * met is not there any more, or another process has raised the epoch because of what it had met.
 */
export const createHistory = ({ look, beginEpoch, logger, intervalMs = 1_000 }: HistoryOptions) => {
  const listeners = new Set<() => void>();
  let known: LogIdentity | undefined;
  /** Made when it is needed: most are replaced before. */
  let newest: { readonly position: bigint; readonly mark: () => EventMark } | undefined;
  let generation = 0;
  let looking: Promise<void> | undefined;
  let watching: AbortController | undefined;
  let reset = (): void => {};

  const meet = (position: bigint, mark: () => EventMark): void => {
    if (newest === undefined || newest.position < position) newest = { position, mark };
  };

  const compare = async (): Promise<void> => {
    const before = newest;
    const asked = before?.mark();
    const { identity, holds, last } = await look(asked);
    const another = known !== undefined && (identity.logId !== known.logId || identity.epoch !== known.epoch);
    if (holds && !another) {
      known = identity;
      if (!last) return;
      // The head lies before it where the tenant of the newest event was erased.
      if (newest === before) newest = { position: last.position, mark: () => last };
      else meet(last.position, () => last);
      return;
    }
    // Of the same epoch: this process is the first to notice. The others may not have noticed it yet.
    known = another ? identity : await beginEpoch(identity);
    generation++;
    newest = last && { position: last.position, mark: () => last };
    logger.warn(
      { logId: known.logId, epoch: known.epoch, missing: asked?.position.toString(), head: last?.position.toString() },
      'the event log was restored from an older copy or replaced by another log; the caches in memory are dropped',
    );
    reset();
    for (const listener of listeners) listener();
  };

  /** One look for all who ask meanwhile. @throws LogUnavailable */
  const check = (): Promise<void> => {
    looking ??= compare().finally(() => {
      looking = undefined;
    });
    return looking;
  };

  const watch = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      // A log that is not available has not gone back; it is looked at again.
      await check().catch(() => {});
      await sleep(intervalMs, signal);
    }
  };

  const listen = (listener: () => void): (() => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };

  return {
    /** Raised each time that the history changed. */
    get generation(): number {
      return generation;
    },
    /** As the last look showed it; undefined while nobody looks from time to time. */
    get identity(): LogIdentity | undefined {
      return watching && known;
    },
    /** Remembers the newest event that this process has seen in the log. */
    meet,
    check,
    /** Before the listeners: what the log itself keeps in memory. */
    onReset: (action: () => void): void => {
      reset = action;
    },
    /** Calls the listener after a change that somebody found. */
    listen,
    /** The same, and looks from time to time from now on, until `stop`. */
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
