import type { Pool } from 'pg';
import { markOf } from '../event-log/history';
import { type LogMark, type LogPlace, misfits } from '../event-log/mark';
import { type EventLog, HistoryChanged, type Position, type RecordedEvent } from '../event-log/port';
import { backoff, sleep } from '../platform/backoff';
import { failpoint } from '../platform/failpoints';
import { uuidv7 } from '../platform/ids/uuid';
import type { Logger } from '../platform/logger.port';
import { reasonOf } from '../projecting/fold';
import { claim, type Lease, Lost, move, park, release } from './checkpoint';
import { askedForAgain, eventAt, forgetParked } from './parking';
import { isAway, within } from './patience';
import type { Reaction } from './reaction';

export interface ReactingOptions {
  readonly log: EventLog;
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly logger: Logger;
  /** Told of each event that was answered. */
  readonly onAnswered: (reaction: string, position: Position) => void;
  /** ms after which a worker that went silent is replaced; 10,000 unless given. */
  readonly leaseMs?: number;
  /** ms that one attempt may take; 60,000 unless given. */
  readonly attemptMs?: number;
  /** Failures of one event after which it is parked; 12 unless given, which is about half a minute. */
  readonly attempts?: number;
  /** ms before the second attempt, doubled for each one after it up to fifty times; 100 unless given. */
  readonly firstRetryMs?: number;
  readonly signal: AbortSignal;
}

type Settled = Required<ReactingOptions>;

const DEFAULTS = { leaseMs: 10_000, attemptMs: 60_000, attempts: 12, firstRetryMs: 100 };

/** Events in one page: few, so that a crash repeats few. */
const PAGE = 200;
/** After so many ms without a failure the next one is a first one. */
const WELL_MS = 10_000;

/** Named point between what a reaction did and the checkpoint that says so. */
export const answeredFailpoint = (reaction: string): string => `answered-${reaction}`;

/** The worker is to stop, or lost its turn: what is under way is left for whoever comes next. */
class Stopped extends Error {}

/**
 * Answers events for as long as this worker can. Any number of workers may run it: one has the lease, the others stand by
 * and take over when it is given back or runs out.
 */
export const runReaction = async (reaction: Reaction, given: ReactingOptions): Promise<void> => {
  const options: Settled = { ...DEFAULTS, ...given };
  const { pool, logger, signal, leaseMs } = options;
  const lease: Lease = { reaction: reaction.name, holder: uuidv7(), leaseMs };
  let failures = 0;
  let misfit: string | undefined;
  while (!signal.aborted) {
    const began = Date.now();
    // From before the checkpoint is read: what is read of one history must not go on in another.
    const changed = new AbortController();
    const stopListening = options.log.onHistoryChange(() => changed.abort());
    try {
      const from = await claim(pool, lease);
      const before = misfit;
      misfit = from && (await misfits(options.log, [{ ...from, name: reaction.name }])).get(reaction.name);
      if (misfit !== undefined && misfit !== before)
        logger.error(
          { reaction: reaction.name, reason: misfit },
          'reaction stands still: reset it to a place of the log',
        );
      if (from !== undefined && misfit === undefined) {
        await follow(reaction, lease, from, { ...options, signal: AbortSignal.any([signal, changed.signal]) });
      }
      if (changed.signal.aborted) continue;
      await sleep((leaseMs / 10) * (0.5 + Math.random()), signal);
    } catch (error) {
      if (error instanceof Stopped || error instanceof Lost || error instanceof HistoryChanged) continue;
      failures = Date.now() - began > WELL_MS ? 1 : failures + 1;
      if (!signal.aborted) logger.warn({ err: error, reaction: reaction.name }, 'reaction stopped, trying again');
      await sleep(backoff(failures, { firstMs: 50, maxMs: 2_000 }), signal);
    } finally {
      stopListening();
    }
  }
  await release(pool, lease).catch(() => {});
};

const follow = async (reaction: Reaction, lease: Lease, from: LogPlace, options: Settled): Promise<void> => {
  const { log, pool, onAnswered } = options;
  const ended = new AbortController();
  const signal = AbortSignal.any([options.signal, ended.signal]);
  const { logId } = await log.identity();
  let reached = from;
  let failure: unknown;
  /** Does something a few times a lease; the first failure ends it all. */
  const meanwhile = async (work: () => Promise<void>): Promise<void> => {
    for (;;) {
      await sleep(lease.leaseMs / 3, signal);
      if (signal.aborted) return;
      await work().catch((error: unknown) => {
        failure = error;
        ended.abort();
      });
    }
  };
  const beside = [
    meanwhile(() => move(pool, lease, reached)),
    meanwhile(() => answerParked(reaction, lease, options, signal)),
  ];
  try {
    const pages = log.subscribe({ after: from.position, types: reaction.types, pageSize: PAGE, signal });
    for await (const { events, position, last } of pages) {
      for (const event of events) {
        const mark: LogMark = { ...markOf(event), logId };
        await answer(reaction, lease, event, mark, options, signal);
        failpoint(answeredFailpoint(reaction.name));
        reached = { position: event.position, mark };
        onAnswered(reaction.name, event.position);
      }
      reached = { position, mark: last ? { ...last, logId } : reached.mark };
      // Of pages that held nothing the lease's next renewal tells.
      if (events.length > 0) await move(pool, lease, reached);
    }
  } finally {
    ended.abort();
    await Promise.all(beside);
    await move(pool, lease, reached).catch(() => {});
  }
  if (failure !== undefined) throw failure;
};

/** Answers an event, or parks it where it fails again and again. Goes on trying while what it needs is away. */
const answer = async (
  reaction: Reaction,
  lease: Lease,
  event: RecordedEvent,
  mark: LogMark,
  { pool, logger, attempts, attemptMs, firstRetryMs }: Settled,
  signal: AbortSignal,
): Promise<void> => {
  let failures = 0;
  for (let attempt = 1; ; attempt++) {
    if (signal.aborted) throw new Stopped();
    try {
      await within(attemptMs, reaction.react(event, signal));
      return;
    } catch (error) {
      if (signal.aborted) throw new Stopped();
      if (!isAway(error)) failures++;
      const about = { err: error, reaction: reaction.name, eventId: event.id, type: event.type };
      if (failures >= attempts) {
        await park(pool, lease, event, mark, reasonOf(error), failures);
        logger.error(about, 'event could not be answered, parked');
        return;
      }
      logger.warn(about, 'event could not be answered, trying again');
      await sleep(backoff(attempt, { firstMs: firstRetryMs, maxMs: 50 * firstRetryMs }), signal);
    }
  }
};

/** One more attempt for the parked events that operators asked it for. */
const answerParked = async (
  reaction: Reaction,
  lease: Lease,
  { log, pool, attemptMs }: Settled,
  signal: AbortSignal,
): Promise<void> => {
  const { logId } = await log.identity();
  while (!signal.aborted) {
    const asked = await askedForAgain(pool, reaction.name);
    if (!asked) return;
    const event = await eventAt(log, asked);
    try {
      if (event) await within(attemptMs, reaction.react(event, signal));
    } catch (error) {
      if (event && !signal.aborted) await park(pool, lease, event, { ...markOf(event), logId }, reasonOf(error), 1);
      continue;
    }
    await forgetParked(pool, reaction.name, asked.eventId);
  }
};
