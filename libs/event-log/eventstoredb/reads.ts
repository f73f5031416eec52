import {
  type AllStreamResolvedEvent,
  BACKWARDS,
  START as BEGINNING,
  END,
  type EventStoreDBClient,
  FORWARDS,
  type ResolvedEvent,
  StreamDeletedError,
  type StreamingRead,
  StreamNotFoundError,
} from '@eventstore/db-client';
import { backoff, sleep } from '../../platform/backoff';
import { LogUnavailable, type Position, START } from '../port';
import { unavailable } from './errors';
import { whenQuiet } from './quiet';

/** Tries of one read. A connection that was cut is gone only after the first call that has failed on it. */
const TRIES = 3;

/** Thrown for a stream that is tombstoned. */
export { StreamDeletedError as StreamErased };

/** No answer came in time: not worth another try. */
class TimedOut extends LogUnavailable {}

const isAnAnswer = (error: unknown): boolean =>
  error instanceof StreamDeletedError || error instanceof StreamNotFoundError;

/**
 * Takes everything that a read gives. The client has no deadline for reads: this one ends a read that has made no
 * progress for `idleMs`.
 */
const drain = <E>(stream: StreamingRead<E>, idleMs: number, take: (event: E) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    let seen = 0;
    let finished = false;
    const finish = (settle: () => void): void => {
      finished = true;
      unwatch();
      settle();
      // What has come already must flow away: a call that is left with it never ends, nor does the client's dispose.
      void stream.cancel().catch(() => undefined);
    };
    const timeOut = (): void => finish(() => reject(new TimedOut(`no answer within ${idleMs} ms`)));
    const unwatch = whenQuiet(idleMs, () => seen, timeOut);
    // The listener stays: the client may emit a second error.
    stream.on('error', (error) =>
      finish(() => reject(isAnAnswer(error) ? error : unavailable('the read broke', error))),
    );
    stream.on('end', () => finish(resolve));
    stream.on('data', (event: E) => {
      seen++;
      try {
        if (!finished) take(event);
      } catch (error) {
        finish(() => reject(error));
      }
    });
  });

const retrying = async <T>(read: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      const worthAnother = error instanceof LogUnavailable && !(error instanceof TimedOut) && tries < TRIES;
      if (!worthAnother) throw error;
      await sleep(backoff(tries, { firstMs: 50, maxMs: 400 }));
    }
  }
};

export interface StreamRead {
  readonly stream: string;
  /** Revision of the first event, inclusive; the end unless given where it reads backwards. */
  readonly from?: number;
  readonly backwards?: boolean;
  readonly maxCount?: number;
}

/**
 * The events of one stream; undefined for a stream that does not exist. From the leader, so that what was acknowledged
 * is seen.
 * @throws StreamErased the stream is tombstoned
 * @throws LogUnavailable
 */
export const readEvents = async <T>(
  client: EventStoreDBClient,
  { stream, from, backwards = false, maxCount }: StreamRead,
  idleMs: number,
  convert: (event: ResolvedEvent) => T | undefined,
): Promise<T[] | undefined> => {
  try {
    return await retrying(async () => {
      const events: T[] = [];
      const read = client.readStream(stream, {
        direction: backwards ? BACKWARDS : FORWARDS,
        fromRevision: from !== undefined ? BigInt(from) : backwards ? END : BEGINNING,
        requiresLeader: true,
        ...(maxCount === undefined ? {} : { maxCount }),
      });
      await drain(read, idleMs, (event) => {
        const converted = convert(event);
        if (converted !== undefined) events.push(converted);
      });
      return events;
    });
  } catch (error) {
    if (error instanceof StreamNotFoundError) return undefined;
    throw error;
  }
};

/** All records in position order, the server's own included, from a position that was received (inclusive). */
export const readForwards = (
  client: EventStoreDBClient,
  from: Position,
  maxCount: number,
  idleMs: number,
): Promise<AllStreamResolvedEvent[]> =>
  retrying(async () => {
    const events: AllStreamResolvedEvent[] = [];
    const fromPosition = from === START ? BEGINNING : { commit: from, prepare: from };
    await drain(client.readAll({ fromPosition, maxCount, requiresLeader: true }), idleMs, (event) =>
      events.push(event),
    );
    return events;
  });

/** All records in reverse order, from before a position that was received, or from the end. */
export const readBackwards = (
  client: EventStoreDBClient,
  before: Position | undefined,
  maxCount: number,
  idleMs: number,
): Promise<AllStreamResolvedEvent[]> =>
  retrying(async () => {
    const events: AllStreamResolvedEvent[] = [];
    const fromPosition = before === undefined ? END : { commit: before, prepare: before };
    const read = client.readAll({ direction: BACKWARDS, fromPosition, maxCount, requiresLeader: true });
    await drain(read, idleMs, (event) => events.push(event));
    return events;
  });

/** The position of the last record, whoever wrote it. @throws LogUnavailable */
export const readHead = (client: EventStoreDBClient, idleMs: number): Promise<Position> =>
  retrying(async () => {
    let head = START;
    const read = client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1, requiresLeader: true });
    await drain(read, idleMs, ({ event }) => {
      head = event?.position.commit ?? head;
    });
    return head;
  });
