import { markOf } from '#event-log/history';
import type { CheckpointMark } from '#event-log/mark';
import type { RecordedEvent } from '#event-log/port';

/** An event that was read and is not behind the low-water mark yet. */
export interface Pending {
  readonly event: RecordedEvent;
  /** It was answered, parked or set aside: it does not hold the low-water mark any more. */
  settled: boolean;
  /** Resolves when it is set aside; undefined where it is not. */
  stored: Promise<void> | undefined;
}

interface PageEnd {
  end: CheckpointMark;
  readonly settled: true;
}

/** What was read beyond the low-water mark, below which nothing has to be read again. */
export const createWindow = (from: CheckpointMark, logId: string) => {
  /** Events, and the ends of pages, in the order of the log. */
  const entries: (Pending | PageEnd)[] = [];
  let reached = from;
  let open = 0;

  const advance = (): void => {
    let settled = 0;
    for (const entry of entries) {
      if (!entry.settled) break;
      reached = 'end' in entry ? entry.end : placeOf(entry.event, logId);
      settled += 1;
    }
    entries.splice(0, settled);
  };

  return {
    /** @param end how far the log was read with these events */
    add: (events: readonly RecordedEvent[], end: CheckpointMark): Pending[] => {
      const added = events.map((event): Pending => ({ event, settled: false, stored: undefined }));
      const last = entries.at(-1);
      if (added.length === 0 && last && 'end' in last) last.end = end;
      else entries.push(...added, { end, settled: true });
      open += added.length;
      advance();
      return added;
    },
    settle: (pending: Pending): void => {
      if (pending.settled) return;
      pending.settled = true;
      open -= 1;
      advance();
    },
    /** The low-water mark. */
    reached: (): CheckpointMark => reached,
    /** Events that hold it, or would. */
    open: (): number => open,
    /** Those of some partitions that are neither settled nor about to be set aside. */
    openOf: (isWanted: (event: RecordedEvent) => boolean): Pending[] =>
      entries.filter((it): it is Pending => !('end' in it) && !it.settled && !it.stored && isWanted(it.event)),
  };
};

const placeOf = (event: RecordedEvent, logId: string): CheckpointMark => ({
  position: event.position,
  mark: { ...markOf(event), logId },
});

export type Window = ReturnType<typeof createWindow>;
