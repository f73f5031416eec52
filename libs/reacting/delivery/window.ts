import { markOf } from '#event-log/history';
import type { CheckpointMark } from '#event-log/mark';
import type { RecordedEvent } from '#event-log/port';

/** An event that was read and that the low-water mark has not passed yet. */
export interface Pending {
  readonly event: RecordedEvent;
  /** True if it was answered, parked or set aside, so that the low-water mark can pass it. */
  settled: boolean;
  /** Resolves when it is set aside; undefined if it is not going to be. */
  stored: Promise<void> | undefined;
}

/** The end of a page, whose events precede it in the window. */
interface PageEnd {
  end: CheckpointMark;
  readonly settled: true;
}

/** The events that were read beyond the low-water mark. No event up to that mark has to be read again. */
export const createWindow = (from: CheckpointMark, logId: string) => {
  /** Events, and the ends of pages, in the order of the log. */
  const entries: (Pending | PageEnd)[] = [];
  let reached = from;
  let open = 0;

  const advance = (): void => {
    let settled = 0;
    for (const entry of entries) {
      if (!entry.settled) break;
      reached = 'end' in entry ? entry.end : checkpointOf(entry.event, logId);
      settled += 1;
    }
    entries.splice(0, settled);
  };

  return {
    /** Adds the events of a page. @param end the checkpoint at the end of the page */
    add: (events: readonly RecordedEvent[], end: CheckpointMark): Pending[] => {
      const added = events.map((event): Pending => ({ event, settled: false, stored: undefined }));
      const last = entries.at(-1);
      if (added.length === 0 && last && 'end' in last) last.end = end;
      else entries.push(...added, { end, settled: true });
      open += added.length;
      advance();
      return added;
    },
    /** Marks an event as answered, parked or set aside, and moves the low-water mark if possible. */
    settle: (pending: Pending): void => {
      if (pending.settled) return;
      pending.settled = true;
      open -= 1;
      advance();
    },
    /** The low-water mark. */
    reached: (): CheckpointMark => reached,
    /** The number of events that are not settled. */
    open: (): number => open,
    /** The wanted events that are neither settled nor about to be set aside. */
    openOf: (isWanted: (event: RecordedEvent) => boolean): Pending[] =>
      entries.filter((it): it is Pending => !('end' in it) && !it.settled && !it.stored && isWanted(it.event)),
  };
};

const checkpointOf = (event: RecordedEvent, logId: string): CheckpointMark => ({
  position: event.position,
  mark: { ...markOf(event), logId },
});

export type Window = ReturnType<typeof createWindow>;
