import type { Pool } from 'pg';
import { type EventLog, LogUnavailable, type RecordedEvent } from '#event-log/port';
import { findEvent, readWaitingEvents, readWaitingPartitions } from '../parking';
import type { Partitions, Task } from './partitions';

/** Events of a partition that are read in one step. */
const BATCH_EVENTS = 50;
/** ms after which the log is read again if it was not available. */
const LOG_RETRY_MS = 1_000;

export interface BacklogDeps {
  readonly reaction: string;
  readonly log: Pick<EventLog, 'readStream'>;
  readonly pool: Pool;
  readonly partitions: Partitions;
  /** Makes a task that never rejects: a failure ends the present run of the reaction instead. */
  readonly guarded: (task: Task) => Task;
  /** A task that answers an event that was set aside, and then deletes its stored reference. */
  readonly answer: (event: RecordedEvent) => Task;
  /** Deletes the stored reference of an event. */
  readonly forget: (eventId: string) => Promise<void>;
}

/** The stored events of one partition. */
interface Backlog {
  /** Grows before and after each addition, so that a read which may have missed events is detected. */
  version: number;
  /** The number of additions in progress. */
  adding: number;
}

/**
 * The partitions that were set aside. The events of each are answered from their stored references, until none is left.
 */
export const createBacklogs = ({ reaction, log, pool, partitions, guarded, answer, forget }: BacklogDeps) => {
  const backlogs = new Map<string, Backlog>();

  /** A task that adds the tasks of the next stored events, followed by itself. */
  const load = (partition: string, backlog: Backlog): Task => {
    const task: Task = guarded(async () => {
      const { version } = backlog;
      const references = await readWaitingEvents(pool, reaction, partition, BATCH_EVENTS);
      if (references.length === 0 && backlog.adding === 0 && backlog.version === version) {
        backlogs.delete(partition);
        return undefined;
      }
      try {
        const events: RecordedEvent[] = [];
        for (const reference of references) {
          const event = await findEvent(log, reference);
          if (event) events.push(event);
          else await forget(reference.eventId);
        }
        partitions.add(partition, ...events.map(answer), task);
      } catch (error) {
        if (!(error instanceof LogUnavailable)) throw error;
        return LOG_RETRY_MS;
      }
      return undefined;
    });
    return task;
  };
  const openBacklog = (partition: string): Backlog => {
    const known = backlogs.get(partition);
    if (known) return known;
    const backlog: Backlog = { version: 0, adding: 0 };
    backlogs.set(partition, backlog);
    partitions.add(partition, load(partition, backlog));
    return backlog;
  };

  return {
    /** Continues with the events that another worker, or this one earlier, has set aside. */
    open: async (): Promise<void> => {
      for (const partition of await readWaitingPartitions(pool, reaction)) openBacklog(partition);
    },
    /** True if the events of the partition are answered from their stored references. */
    has: (partition: string): boolean => backlogs.has(partition),
    /**
     * Calls `work`, which stores events of these partitions. They are answered after the events that are stored
     * already.
     */
    during: async (names: readonly string[], work: () => Promise<void>): Promise<void> => {
      const opened = names.map(openBacklog);
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
