import type { CheckpointMark } from '#event-log/mark';
import { LogUnavailable, type RecordedEvent } from '#event-log/port';
import { sleep } from '#platform/loops/backoff';
import { partitionOf } from '#projecting/projection';
import { deleteParked, move, park, type ReactionLease, ReactionLeaseLost, setAside } from '../checkpoint';
import type { CompleteOptions } from '../options';
import { type EventReference, findEvent, readRequestedRetries } from '../parking';
import type { Reaction } from '../reaction';
import { answerTask } from './answer-event';
import { createBacklogs } from './backlogs';
import { createPartitions, type Task } from './partitions';
import { createWindow, type Pending } from './window';

/** Events in one page. */
const PAGE = 200;
/** ms between two writes of the low-water mark. */
const MOVE_MS = 50;
/** Parked events that are tried again at the same time. */
const RETRY_EVENTS = 100;
/** ms after which the log is read again if it was not available. */
const LOG_RETRY_MS = 1_000;

/**
 * Answers the events after a position: those of one partition (a tenant, or a user outside tenants) in order, and those
 * of different partitions at the same time. The checkpoint is the low-water mark: every event up to it is answered,
 * parked or set aside. If an answer takes long or fails, the events of its partition are set aside: they are stored, so
 * that the mark can pass them, and are answered from there.
 * @returns `run`, which works until its signal aborts or something fails, and `renew` for the lease
 */
export const follow = (
  reaction: Reaction,
  lease: ReactionLease,
  from: CheckpointMark,
  logId: string,
  options: CompleteOptions,
) => {
  const { log, pool, onAnswered, atOnce, windowEvents, slowMs } = options;
  const ended = new AbortController();
  const window = createWindow(from, logId);
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    ended.abort();
  };
  /** The tasks of partitions must not reject. What can fail in them is the database, which all of them need. */
  const guarded =
    (task: Task): Task =>
    () =>
      task().catch(fail) as ReturnType<Task>;

  const run = async (lost: AbortSignal): Promise<void> => {
    const signal = AbortSignal.any([options.signal, ended.signal, lost]);
    const partitions = createPartitions(atOnce, signal);
    /** By partition: `performance.now()` when the present answer began. */
    const startTimes = new Map<string, number>();
    /** The partitions of parked events that are being tried again, by event id. */
    const retrying = new Map<string, string>();
    /** Ends the wait for room in the window. */
    let onRoom: (() => void) | undefined;
    signal.addEventListener('abort', () => onRoom?.(), { once: true });
    let [written, moving] = [from.position, false];

    const moveSoon = async (): Promise<void> => {
      if (moving) return;
      moving = true;
      while (written < window.reached().position && !signal.aborted) {
        const to = window.reached();
        await move(pool, lease, to);
        written = to.position;
        await sleep(MOVE_MS, signal);
      }
      moving = false;
    };
    const settle = (pending: Pending): void => {
      window.settle(pending);
      onRoom?.();
      moveSoon().catch(fail);
    };

    /** @param onEnd called when the event was answered (`true`) or parked (`false`) */
    const answerOf = (event: RecordedEvent, onEnd: (answered: boolean) => Promise<void> | void): Task => {
      const partition = partitionOf(event);
      const answer = {
        event,
        attempts: options.attempts,
        onBegun: () => void startTimes.set(partition, performance.now()),
        onAnswered: async () => {
          startTimes.delete(partition);
          onAnswered(reaction.name);
          await onEnd(true);
        },
        onParked: async (error: string, attempts: number) => {
          startTimes.delete(partition);
          await park(pool, lease, window.reached(), event, { error, attempts });
          await onEnd(false);
        },
      };
      return guarded(answerTask(reaction, answer, options, signal));
    };
    const forgetStored = (eventId: string): Promise<void> => deleteParked(pool, lease, window.reached(), eventId);
    const backlogs = createBacklogs({
      ...{ reaction: reaction.name, log, pool, partitions, guarded },
      answer: (event) => answerOf(event, (answered) => (answered ? forgetStored(event.id) : undefined)),
      forget: forgetStored,
    });
    const answerPending = (pending: Pending): Task =>
      answerOf(pending.event, async (answered) => {
        settle(pending);
        if (!pending.stored) return;
        await pending.stored;
        if (answered) await forgetStored(pending.event.id);
      });

    /** Stores events, so that the low-water mark can pass them. */
    const store = async (all: readonly Pending[]): Promise<void> => {
      const stored = setAside(
        pool,
        lease,
        window.reached(),
        all.map(({ event }) => event),
      );
      for (const pending of all) pending.stored = stored;
      await stored;
      for (const pending of all) settle(pending);
    };
    const setSlowAside = async (): Promise<void> => {
      const before = performance.now() - slowMs;
      const slow = new Set([...startTimes].filter(([, at]) => at <= before).map(([partition]) => partition));
      for (const partition of slow) partitions.markSlow(partition);
      const open = window.openOf((event) => slow.has(partitionOf(event)));
      if (open.length === 0) return;
      const names = new Set(open.map(({ event }) => partitionOf(event)));
      for (const partition of names) partitions.clear(partition);
      for (const [eventId, partition] of retrying) if (names.has(partition)) retrying.delete(eventId);
      await backlogs.during([...names], () => store(open));
    };
    const retryParkedEvents = async (): Promise<void> => {
      for (const reference of await readRequestedRetries(pool, reaction.name, RETRY_EVENTS)) {
        if (retrying.has(reference.eventId)) continue;
        retrying.set(reference.eventId, reference.partition);
        partitions.add(reference.partition, guarded(retryTask(reference)));
      }
    };
    const retryTask =
      (reference: EventReference): Task =>
      async () => {
        const event = await findEvent(log, reference).catch((error: unknown) => {
          if (!(error instanceof LogUnavailable)) throw error;
          return 'unavailable' as const;
        });
        if (event === 'unavailable') return LOG_RETRY_MS;
        const done = async (): Promise<void> => {
          await forgetStored(reference.eventId);
          retrying.delete(reference.eventId);
        };
        if (!event) {
          await done();
          return undefined;
        }
        const onParked = async (error: string, attempts: number): Promise<void> => {
          await park(pool, lease, window.reached(), event, { error, attempts });
          retrying.delete(reference.eventId);
        };
        return answerTask(reaction, { event, attempts: 1, onAnswered: done, onParked }, options, signal)();
      };

    const repeatEvery = async (ms: number, work: () => Promise<void>): Promise<void> => {
      while (!signal.aborted) {
        await sleep(ms, signal);
        if (!signal.aborted) await work().catch(fail);
      }
    };
    const background = [repeatEvery(slowMs / 4, setSlowAside), repeatEvery(lease.leaseMs / 3, retryParkedEvents)];
    try {
      await backlogs.open();
      const pages = log.subscribe({ after: from.position, types: reaction.types, pageSize: PAGE, signal });
      for await (const { events, position, last } of pages) {
        const mark = last ? { ...last, logId } : window.reached().mark;
        const pending = window.add(events, { position, mark });
        const waiting = pending.filter(({ event }) => backlogs.has(partitionOf(event)));
        for (const it of pending)
          if (!backlogs.has(partitionOf(it.event))) partitions.add(partitionOf(it.event), answerPending(it));
        if (waiting.length > 0)
          await backlogs.during([...new Set(waiting.map(({ event }) => partitionOf(event)))], () => store(waiting));
        // The next renewal of the lease moves the checkpoint over pages without events.
        while (window.open() >= windowEvents && !signal.aborted)
          await new Promise<void>((resolve) => {
            onRoom = resolve;
          });
      }
    } finally {
      ended.abort();
      await Promise.all([...background, partitions.idle()]);
      if (!lost.aborted) await move(pool, lease, window.reached()).catch(() => {});
    }
    if (failure !== undefined) throw failure;
  };

  return {
    /** @throws the error of the database or of the log that ended the work */
    run,
    /** Renews the lease and moves the checkpoint. @returns false if another worker has the lease */
    renew: async (): Promise<boolean> => {
      try {
        await move(pool, lease, window.reached());
        return true;
      } catch (error) {
        if (error instanceof ReactionLeaseLost) return false;
        throw error;
      }
    },
  };
};
