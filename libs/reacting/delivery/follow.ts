import type { CheckpointMark } from '#event-log/mark';
import { LogUnavailable, type RecordedEvent } from '#event-log/port';
import { sleep } from '#platform/loops/backoff';
import { partitionOf } from '#projecting/projection';
import { forget, move, park, type ReactionLease, ReactionLeaseLost, setAside } from '../checkpoint';
import type { Settled } from '../options';
import { askedForAgain, eventAt, type Place } from '../parking';
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
const AGAIN = 100;
/** ms until the log is asked again that is not available. */
const AWAY_MS = 1_000;

/**
 * Answers the events after a position: those of one partition (a tenant, or a user outside tenants) in order, those of
 * different ones at the same time. The checkpoint is the low-water mark: everything up to it is answered, parked or set
 * aside. A partition whose answer takes long, or fails, is set aside: its events are stored, so that the mark passes them,
 * and it continues by itself from what is stored.
 */
export const follow = (
  reaction: Reaction,
  lease: ReactionLease,
  from: CheckpointMark,
  logId: string,
  options: Settled,
) => {
  const { log, pool, onAnswered, atOnce, windowEvents, slowMs } = options;
  const ended = new AbortController();
  const window = createWindow(from, logId);
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    ended.abort();
  };
  /** The tasks of partitions must not reject: what fails here is the database, which all of them need. */
  const guarded =
    (task: Task): Task =>
    () =>
      task().catch(fail) as ReturnType<Task>;

  const until = async (lost: AbortSignal): Promise<void> => {
    const signal = AbortSignal.any([options.signal, ended.signal, lost]);
    const partitions = createPartitions(atOnce, signal);
    /** When the answer began that a partition is at, by `performance.now()`. */
    const begun = new Map<string, number>();
    /** Parked events that are being tried again, with their partitions. */
    const again = new Map<string, string>();
    let roomMade: (() => void) | undefined;
    signal.addEventListener('abort', () => roomMade?.(), { once: true });
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
    const settled = (pending: Pending): void => {
      window.settle(pending);
      roomMade?.();
      moveSoon().catch(fail);
    };

    /** @param onEnd called when it was answered (`true`) or parked */
    const answerOf = (event: RecordedEvent, onEnd: (answered: boolean) => Promise<void> | void): Task => {
      const partition = partitionOf(event);
      const answer = {
        event,
        attempts: options.attempts,
        onBegun: () => void begun.set(partition, performance.now()),
        onAnswered: async () => {
          begun.delete(partition);
          onAnswered(reaction.name);
          await onEnd(true);
        },
        onParked: async (error: string, attempts: number) => {
          begun.delete(partition);
          await park(pool, lease, window.reached(), event, { error, attempts });
          await onEnd(false);
        },
      };
      return guarded(answerTask(reaction, answer, options, signal));
    };
    const forgetStored = (eventId: string): Promise<void> => forget(pool, lease, window.reached(), eventId);
    const backlogs = createBacklogs({
      ...{ reaction: reaction.name, log, pool, partitions, guarded },
      answer: (event) => answerOf(event, (answered) => (answered ? forgetStored(event.id) : undefined)),
      forget: forgetStored,
    });
    const answerPending = (pending: Pending): Task =>
      answerOf(pending.event, async (answered) => {
        settled(pending);
        if (!pending.stored) return;
        await pending.stored;
        if (answered) await forgetStored(pending.event.id);
      });

    /** Stores events, so that they no longer hold the low-water mark. */
    const store = async (all: readonly Pending[]): Promise<void> => {
      const stored = setAside(
        pool,
        lease,
        window.reached(),
        all.map(({ event }) => event),
      );
      for (const pending of all) pending.stored = stored;
      await stored;
      for (const pending of all) settled(pending);
    };
    const setSlowAside = async (): Promise<void> => {
      const before = performance.now() - slowMs;
      const slow = new Set([...begun].filter(([, at]) => at <= before).map(([partition]) => partition));
      for (const partition of slow) partitions.isSlow(partition);
      const open = window.openOf((event) => slow.has(partitionOf(event)));
      if (open.length === 0) return;
      const names = new Set(open.map(({ event }) => partitionOf(event)));
      for (const partition of names) partitions.clear(partition);
      for (const [eventId, partition] of again) if (names.has(partition)) again.delete(eventId);
      await backlogs.during([...names], () => store(open));
    };
    const tryAgain = async (): Promise<void> => {
      for (const place of await askedForAgain(pool, reaction.name, AGAIN)) {
        if (again.has(place.eventId)) continue;
        again.set(place.eventId, place.partition);
        partitions.add(place.partition, guarded(oneMoreAttempt(place)));
      }
    };
    const oneMoreAttempt =
      (place: Place): Task =>
      async () => {
        const event = await eventAt(log, place).catch((error: unknown) => {
          if (!(error instanceof LogUnavailable)) throw error;
          return 'away' as const;
        });
        if (event === 'away') return AWAY_MS;
        const done = async (): Promise<void> => {
          await forgetStored(place.eventId);
          again.delete(place.eventId);
        };
        if (!event) {
          await done();
          return undefined;
        }
        const onParked = async (error: string, attempts: number): Promise<void> => {
          await park(pool, lease, window.reached(), event, { error, attempts });
          again.delete(place.eventId);
        };
        return answerTask(reaction, { event, attempts: 1, onAnswered: done, onParked }, options, signal)();
      };

    const every = async (ms: number, work: () => Promise<void>): Promise<void> => {
      while (!signal.aborted) {
        await sleep(ms, signal);
        if (!signal.aborted) await work().catch(fail);
      }
    };
    const beside = [every(slowMs / 4, setSlowAside), every(lease.leaseMs / 3, tryAgain)];
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
        // Of pages that held nothing the next renewal of the lease tells.
        while (window.open() >= windowEvents && !signal.aborted)
          await new Promise<void>((resolve) => {
            roomMade = resolve;
          });
      }
    } finally {
      ended.abort();
      await Promise.all([...beside, partitions.idle()]);
      if (!lost.aborted) await move(pool, lease, window.reached()).catch(() => {});
    }
    if (failure !== undefined) throw failure;
  };

  return {
    until,
    /** Renews the lease with how far it is. @returns false where another worker has it */
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
