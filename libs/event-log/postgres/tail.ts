import { type EventMark, type Filter, type Page, type Position, type RecordedEvent, START } from '../port';
import type { Upcasters } from '../upcasting';
import { type EventRow, markOfRow, positionOf, RowEvent, tenantOf, typeOf } from './rows';

export interface TailOptions {
  /** Rows from a position on, that one included, in order, from the database. */
  readonly read: (from: Position, limit: number) => Promise<EventRow[]>;
  /** The last row of the log; undefined where it is empty. */
  readonly last: () => Promise<EventRow | undefined>;
  /** Called where the log does not hold what is kept here: it went back, or a tenant was erased. Nothing is kept then. */
  readonly onDoubt: () => void;
  readonly upcasters: Upcasters;
  /** Events that are kept; 4,096 by default. */
  readonly capacity?: number;
}

/** The row that is asked for again included. */
const READ = 1_001;
/** Batches that came out of order and wait for the one before them. */
const EARLY = 16;

/**
 * The last events of the log, once for all subscribers of this process. Those that the process appended itself come from
 * memory, without a read: positions are drawn under the log's lock, so a batch whose first position is the next one has
 * nothing between it and what is known. Where there is a gap (another process, a batch that was rolled back) the tail is
 * read from the database.
 */
export const createTail = ({ read, last, onDoubt, upcasters, capacity = 4_096 }: TailOptions) => {
  let rows: EventRow[] = [];
  /** Everything after this, and up to `position`, is in `rows`. */
  let from: Position | undefined;
  let position: Position = START;
  /** The row at `position`: read again with what comes after it, as the proof that the log still holds it. */
  let newest: EventRow | undefined;
  let newestMark: EventMark | undefined;
  let stale = true;
  let refreshing: Promise<void> | undefined;
  const early = new Map<Position, EventRow[]>();

  const push = (more: readonly EventRow[]): void => {
    for (const row of more) {
      const at = positionOf(row);
      if (at <= position) continue;
      rows.push(row);
      position = at;
      newest = row;
    }
    if (rows.length <= 2 * capacity) return;
    // Cut rarely, and a lot: an array that loses its first element each time is copied each time.
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
    early.clear();
  };

  const doubt = (): void => {
    reset();
    onDoubt();
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
      const more = await read(position, READ);
      // Reset meanwhile: what was read may be what was erased.
      if (from === undefined) return refresh();
      if (known && !(more[0] && isSame(more[0], known))) {
        doubt();
        return refresh();
      }
      push(more);
      if (more.length < READ) break;
    }
    for (const first of early.keys()) if (first <= position) early.delete(first);
  };

  /** Made once for all subscribers. */
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
    /** What this process has just appended, in position order without a gap. */
    offer: (appended: EventRow[]): void => {
      const [first] = appended;
      if (!first || from === undefined) return;
      const at = positionOf(first);
      if (at !== position + 1n) {
        if (at <= position) {
          // Read back before the answer came, or else the log gives positions again that it had given before.
          const known = rows[firstAfter(at - 1n)];
          if (known && !isSame(known, first)) doubt();
          return;
        }
        // The batch before it may be on its way; if it is not, somebody else wrote in between.
        stale = true;
        if (early.size >= EARLY) early.clear();
        early.set(at, appended);
        return;
      }
      push(appended);
      for (let next = early.get(position + 1n); next; next = early.get(position + 1n)) {
        early.delete(position + 1n);
        push(next);
      }
      if (early.size === 0) stale = false;
    },

    /** Forgets everything: what is kept may have been erased. */
    reset,

    /** Somebody else may have appended. */
    expire: (): void => {
      stale = true;
    },

    /** Brings it up to the head where it may be behind; one read for all who ask. @throws what the reads throw */
    catchUp: async (): Promise<void> => {
      // A read that is under way lowers `stale` when it begins: a caller that asks meanwhile waits for its result.
      if (!stale && refreshing === undefined) return;
      refreshing ??= refresh().finally(() => {
        refreshing = undefined;
      });
      await refreshing;
    },

    /** A page from memory; undefined where `after` lies before what is kept. */
    page: (after: Position, limit: number, { tenantId, types }: Filter): Page | undefined => {
      if (from === undefined || after < from) return undefined;
      const events: RecordedEvent[] = [];
      for (let at = firstAfter(after); at < rows.length; at++) {
        const row = rows[at] as EventRow;
        if (types && !types.includes(typeOf(row))) continue;
        if (tenantId !== undefined && tenantOf(row) !== tenantId) continue;
        if (events.length === limit) {
          const end = rows[at - 1];
          // Up to the row before the next one that matches: what lies between is looked through.
          const place =
            end && positionOf(end) > after ? { position: positionOf(end), last: markOfRow(end) } : undefined;
          return { events, caughtUp: false, ...(place ?? { position: after }) };
        }
        events.push(new RowEvent(row, upcasters));
      }
      if (position < after) return { events, position: after, caughtUp: true };
      return { events, position, caughtUp: true, last: markOfNewest() };
    },
  };
};

/** The same event at the same place. */
const isSame = (a: EventRow, b: EventRow): boolean => a[0] === b[0] && a[2] === b[2] && a[8] === b[8];

export type Tail = ReturnType<typeof createTail>;
