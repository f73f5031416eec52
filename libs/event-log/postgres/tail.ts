import type { Filter, Page, Position, RecordedEvent } from '../port';
import type { Upcasters } from '../upcasting';
import { type EventRow, positionOf, RowEvent, tenantOf, typeOf } from './rows';

export interface TailOptions {
  /** Rows after a position, in order, from the database. */
  readonly read: (after: Position, limit: number) => Promise<EventRow[]>;
  readonly head: () => Promise<Position>;
  readonly upcasters: Upcasters;
  /** Events that are kept; 4,096 unless given. */
  readonly capacity?: number;
}

const READ = 1_000;
/** Batches that came out of order and wait for the one before them. */
const EARLY = 16;

/**
 * The last events of the log, once for all subscribers of this process. Those that the process appended itself come from
 * memory, without a read: positions are drawn under the log's lock, so a batch whose first position is the next one has
 * nothing between it and what is known. Where there is a gap (another process, a batch that was rolled back) the tail is
 * read from the database.
 */
export const createTail = ({ read, head, upcasters, capacity = 4_096 }: TailOptions) => {
  let rows: EventRow[] = [];
  /** Everything after this, and up to `position`, is in `rows`. */
  let from: Position | undefined;
  let position: Position = 0n;
  let stale = true;
  let refreshing: Promise<void> | undefined;
  const early = new Map<Position, EventRow[]>();

  const push = (more: readonly EventRow[]): void => {
    for (const row of more) {
      const at = positionOf(row);
      if (at <= position) continue;
      rows.push(row);
      position = at;
    }
    if (rows.length <= 2 * capacity) return;
    // Cut rarely, and a lot: an array that loses its first element each time is copied each time.
    const cut = rows.length - capacity;
    from = positionOf(rows[cut - 1] as EventRow);
    rows = rows.slice(cut);
  };

  const refresh = async (): Promise<void> => {
    if (from === undefined) {
      position = await head();
      from = position;
    }
    for (;;) {
      stale = false;
      const more = await read(position, READ);
      // Reset meanwhile: what was read may be what was erased.
      if (from === undefined) return refresh();
      push(more);
      if (more.length < READ) break;
    }
    for (const first of early.keys()) if (first <= position) early.delete(first);
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
        if (at <= position) return;
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
    reset: (): void => {
      rows = [];
      from = undefined;
      stale = true;
      early.clear();
    },

    /** Somebody else may have appended. */
    expire: (): void => {
      stale = true;
    },

    /** Brings it up to the head where it may be behind; one read for all who ask. @throws what the reads throw */
    catchUp: async (): Promise<void> => {
      // A read that is under way lowers `stale` when it begins: whoever asks meanwhile waits for what it brings.
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
        if (events.length === limit) return { events, position: events.at(-1)?.position ?? after, caughtUp: false };
        events.push(new RowEvent(row, upcasters));
      }
      return { events, position: position > after ? position : after, caughtUp: true };
    },
  };
};

export type Tail = ReturnType<typeof createTail>;
