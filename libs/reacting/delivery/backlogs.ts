import type { Pool } from 'pg';
import { type EventLog, LogUnavailable, type RecordedEvent } from '#event-log/port';
import { eventAt, waitingOf, waitingPartitions } from '../parking';
import type { Partitions, Task } from './partitions';

/** Events of a partition that are read together. */
const TOGETHER = 50;
/** ms until the log is asked again that is not available. */
const AGAIN_MS = 1_000;

export interface BacklogDeps {
  readonly reaction: string;
  readonly log: Pick<EventLog, 'readStream'>;
  readonly pool: Pool;
  readonly partitions: Partitions;
  readonly guarded: (task: Task) => Task;
  /** Answers an event that was set aside, and forgets it then. */
  readonly answer: (event: RecordedEvent) => Task;
  readonly forget: (eventId: string) => Promise<void>;
}

interface Backlog {
  /** Grows with each addition: what was read before one may not be all. */
  version: number;
  /** Additions under way. */
  adding: number;
}

/** The partitions that were set aside: each is answered from what is stored of it, until nothing is left. */
export const createBacklogs = ({ reaction, log, pool, partitions, guarded, answer, forget }: BacklogDeps) => {
  const backlogs = new Map<string, Backlog>();

  const load = (partition: string, backlog: Backlog): Task => {
    const task: Task = guarded(async () => {
      const { version } = backlog;
      const places = await waitingOf(pool, reaction, partition, TOGETHER);
      if (places.length === 0 && backlog.adding === 0 && backlog.version === version) {
        backlogs.delete(partition);
        return undefined;
      }
      try {
        const events: RecordedEvent[] = [];
        for (const place of places) {
          const event = await eventAt(log, place);
          if (event) events.push(event);
          else await forget(place.eventId);
        }
        partitions.add(partition, ...events.map(answer), task);
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        return AGAIN_MS;
      }
      return undefined;
    });
    return task;
  };
  const openedFor = (partition: string): Backlog => {
    const known = backlogs.get(partition);
    if (known) return known;
    const backlog: Backlog = { version: 0, adding: 0 };
    backlogs.set(partition, backlog);
    partitions.add(partition, load(partition, backlog));
    return backlog;
  };

  return {
    /** Continues with what another worker, or this one before, has set aside. */
    open: async (): Promise<void> => {
      for (const partition of await waitingPartitions(pool, reaction)) openedFor(partition);
    },
    has: (partition: string): boolean => backlogs.has(partition),
    /** Events of these partitions are stored by `work`: they are answered after what is stored of them already. */
    during: async (names: readonly string[], work: () => Promise<void>): Promise<void> => {
      const opened = names.map(openedFor);
      for (const backlog of opened) {
        backlog.adding += 1;
        backlog.version += 1;
      }
      try {
        await work();
      } finally {
        for (const backlog of opened) {
          backlog.adding -= 1;
          backlog.version += 1;
        }
      }
    },
  };
};
