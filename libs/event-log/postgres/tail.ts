import { type EventMark, type Filter, type Page, type Position, type RecordedEvent, START } from '../port';
import type { Upcasters } from '../upcasting';
import { type EventRow, markOfRow, positionOf, RowEvent, tenantOf, typeOf } from './rows';

export interface TailOptions {
  /** Reads rows from the database, from a position on (inclusive), in order. */
  readonly read: (from: Position, limit: number) => Promise<EventRow[]>;
  /** Reads the last row of the log; undefined if the log is empty. */
  readonly last: () => Promise<EventRow | undefined>;
  /**
   * Called after the tail has dropped its rows because the log does not hold one of them: the log went back to an older
   * copy, or a tenant was erased.
   */
  readonly onMismatch: () => void;
  readonly upcasters: Upcasters;
  /** The number of events that are kept at least; up to twice as many may be in memory. 4,096 by default. */
  readonly capacity?: number;
}

/** Rows in one read, including the newest row, which is read again. */
const PAGE = 1_001;
/** The maximum number of batches that arrived out of order and wait for the batch before them. */
const MAX_EARLY_BATCHES = 16;

/**
 * Keeps the last events of the log in memory, shared by all subscribers of this process. Events that this process
 * appended are added without a read: positions are drawn under the log's lock, so no event lies between the newest row
 * and a batch whose first position is the next one. If there is a gap (another process appended, or a batch was rolled
 * back), the tail is read from the database.
 */
export const createTail = ({ read, last, onMismatch, upcasters, capacity = 4_096 }: TailOptions) => {
  let rows: EventRow[] = [];
  /** `rows` holds every event after this position, up to `position`; undefined after a reset. */
  let from: Position | undefined;
  let position: Position = START;
  /** The row at `position`. It is read again with the rows after it, to prove that the log still holds it. */
  let newest: EventRow | undefined;
  let newestMark: EventMark | undefined;
  let stale = true;
  let refreshing: Promise<void> | undefined;
  const earlyBatches = new Map<Position, EventRow[]>();

  const push = (more: readonly EventRow[]): void => {
    for (const row of more) {
      const at = positionOf(row);
      if (at <= position) continue;
      rows.push(row);
      position = at;
      newest = row;
    }
    if (rows.length <= 2 * capacity) return;
    // The array is cut rarely and by many rows, because each cut copies it.
    const cut = rows.length - capacity;
    from = positionOf(rows[cut - 1] as EventRow);
    rows = rows.slice(cut);
  };

  const reset = (): void => {
    rows = [];
    from = undefined;
    newest = undefined;
    newestMark = undefined;
    stale = true;
    earlyBatches.clear();
  };

  const handleMismatch = (): void => {
    reset();
    onMismatch();
  };

  const refresh = async (): Promise<void> => {
    if (from === undefined) {
      newest = await last();
      position = newest ? positionOf(newest) : START;
      from = position;
    }
    for (;;) {
      stale = false;
      const known = newest;
      const more = await read(position, PAGE);
      // The tail was reset during the read: the rows that were read may have been erased since.
      if (from === undefined) return refresh();
      if (known && !(more[0] && isSame(more[0], known))) {
        handleMismatch();
        return refresh();
      }
      push(more);
      if (more.length < PAGE) break;
    }
    for (const first of earlyBatches.keys()) if (first <= position) earlyBatches.delete(first);
  };

  /** The mark of the newest row, computed once for all subscribers. */
  const markOfNewest = (): EventMark | undefined => {
    if (newest && newestMark?.position !== position) newestMark = markOfRow(newest);
    return newest && newestMark;
  };

  const firstAfter = (after: Position): number => {
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (positionOf(rows[middle] as EventRow) <= after) low = middle + 1;
      else high = middle;
    }
    return low;
  };

  return {
    /** Adds rows that this process has just appended, in position order without a gap. */
    offer: (appended: EventRow[]): void => {
      const [first] = appended;
      if (!first || from === undefined) return;
      const at = positionOf(first);
      if (at !== position + 1n) {
        if (at <= position) {
          // Either the rows were read from the log before the append was answered, or the log has assigned positions
          // for a second time.
          const known = rows[firstAfter(at - 1n)];
          if (known && !isSame(known, first)) handleMismatch();
          return;
        }
        // The batch before it may arrive later. If not, another process has appended in between.
        stale = true;
        if (earlyBatches.size >= MAX_EARLY_BATCHES) earlyBatches.clear();
        earlyBatches.set(at, appended);
        return;
      }
      push(appended);
      for (let next = earlyBatches.get(position + 1n); next; next = earlyBatches.get(position + 1n)) {
        earlyBatches.delete(position + 1n);
        push(next);
      }
      if (earlyBatches.size === 0) stale = false;
    },

    /** Drops all rows, because they may have been erased. */
    reset,

    /** Another process may have appended: the next `catchUp` reads the database. */
    markStale: (): void => {
      stale = true;
    },

    /** Reads up to the head if the tail may be behind. Callers share a read in progress. @throws errors of the reads */
    catchUp: async (): Promise<void> => {
      // A read sets `stale` to false when it begins, so a caller must also wait for a read that is in progress.
      if (!stale && refreshing === undefined) return;
      refreshing ??= refresh().finally(() => {
        refreshing = undefined;
      });
      await refreshing;
    },

    /** A page from memory; undefined if events after `after` are no longer in memory. */
    page: (after: Position, limit: number, { tenantId, types }: Filter): Page | undefined => {
      if (from === undefined || after < from) return undefined;
      const events: RecordedEvent[] = [];
      for (let at = firstAfter(after); at < rows.length; at++) {
        const row = rows[at] as EventRow;
        if (types && !types.includes(typeOf(row))) continue;
        if (tenantId !== undefined && tenantOf(row) !== tenantId) continue;
        if (events.length === limit) {
          const end = rows[at - 1];
          // The page ends at the row before the next match, because the rows up to there do not match.
          const reached =
            end && positionOf(end) > after ? { position: positionOf(end), last: markOfRow(end) } : undefined;
          return { events, caughtUp: false, ...(reached ?? { position: after }) };
        }
        events.push(new RowEvent(row, upcasters));
      }
      if (position < after) return { events, position: after, caughtUp: true };
      return { events, position, caughtUp: true, last: markOfNewest() };
    },
  };
};

/** Whether both rows are the same event: position, command id and ordinal. */
const isSame = (a: EventRow, b: EventRow): boolean => a[0] === b[0] && a[2] === b[2] && a[8] === b[8];

export type Tail = ReturnType<typeof createTail>;
