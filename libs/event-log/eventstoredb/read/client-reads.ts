import {
  type AllStreamResolvedEvent,
  BACKWARDS,
  START as BEGINNING,
  END,
  FORWARDS,
  type ResolvedEvent,
  StreamDeletedError,
  StreamNotFoundError,
} from '@eventstore/db-client';
import { Empty } from '@eventstore/db-client/generated/shared_pb';
import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb';
import { ReadReq, type ReadResp } from '@eventstore/db-client/generated/streams_pb';
import { backoff, sleep } from '#platform/loops/backoff';
import { LogDenied, LogUnavailable, type Position, START } from '../../port';
import { internalsOf } from '../client';
import type { Connection } from '../connection';
import { knowsNoLeader, unavailable } from '../errors';
import { whenSilent } from './when-silent';

/**
 * The minimum number of attempts at one read, even during a long outage. The client closes a broken connection only
 * after the first call on it has failed.
 */
const TRIES = 3;

/** Thrown for a stream that is tombstoned. */
export { StreamDeletedError as StreamErased };

/** No answer came in time. The read is not tried again. */
class TimedOut extends LogUnavailable {}

/** Whether the error is an answer of the server about the stream, and not a failure. */
const isAnswer = (error: unknown): boolean =>
  error instanceof StreamDeletedError || error instanceof StreamNotFoundError;

/** The methods that the client's reads and its raw calls have in common. Their types differ in each listener. */
interface Incoming {
  on(event: string, listener: (value: never) => void): unknown;
  cancel(): unknown;
}

/**
 * Passes every event of a read to `receive`. The client has no deadline for reads. So this function ends a read that
 * has made no progress for `idleMs`, and a read from a node from which the client has disconnected.
 */
const consume = <E>(
  connection: Connection,
  open: () => unknown,
  idleMs: number,
  receive: (event: E) => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    let seen = 0;
    let finished = false;
    const opening = Promise.resolve().then(open) as Promise<Incoming>;
    const finish = (settle: () => void): void => {
      finished = true;
      unwatchSilence();
      unwatchNode();
      settle();
      // Events that have arrived must be discarded: otherwise the call never ends, and neither does the client's
      // dispose.
      void opening.then((stream) => stream.cancel()).catch(() => undefined);
    };
    const fail = (error: unknown): void =>
      finish(() => reject(isAnswer(error) ? error : unavailable('the read failed', error)));
    const timeOut = (): void => finish(() => reject(new TimedOut(`no answer within ${idleMs} ms`)));
    const unwatchSilence = whenSilent(idleMs, () => seen, timeOut);
    const unwatchNode = connection.watch(fail);
    opening.then((stream) => {
      // The listener is never removed, because the client may emit a second error.
      stream.on('error', fail);
      stream.on('end', () =>
        finish(() => {
          connection.answered();
          resolve();
        }),
      );
      stream.on('data', (event: never) => {
        seen++;
        try {
          if (!finished) receive(event);
        } catch (error) {
          finish(() => reject(error));
        }
      });
    }, fail);
  });

/**
 * Tries a read again during an election or the restart of a node. Errors that a repeat would not change are thrown at
 * once.
 */
const withRetries = async <T>(connection: Connection, read: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      const final = !(error instanceof LogUnavailable) || error instanceof TimedOut || error instanceof LogDenied;
      if (final || (tries >= TRIES && Date.now() > connection.retryUntil)) throw error;
      if (knowsNoLeader(error)) await connection.leaveNode('the node knows no leader');
      await sleep(backoff(tries, { firstMs: 50, maxMs: 400 }));
    }
  }
};

export interface StreamRead {
  readonly stream: string;
  /**
   * The revision of the first event, inclusive. By default the read begins at the start, or at the end if backwards.
   */
  readonly from?: number;
  readonly backwards?: boolean;
  readonly maxCount?: number;
  /** Whether a link is replaced by the event to which it points. */
  readonly resolveLinks?: boolean;
}

/**
 * Reads the events of one stream from the leader, so that every acknowledged event is included.
 * @param convert called with each event; undefined leaves the event out
 * @returns undefined if the stream does not exist
 * @throws StreamErased the stream is tombstoned
 * @throws LogUnavailable
 */
export const readEvents = async <T>(
  connection: Connection,
  { stream, from, backwards = false, maxCount, resolveLinks = false }: StreamRead,
  idleMs: number,
  convert: (event: ResolvedEvent) => T | undefined,
): Promise<T[] | undefined> => {
  try {
    return await withRetries(connection, async () => {
      const events: T[] = [];
      const read = () =>
        connection.client.readStream(stream, {
          direction: backwards ? BACKWARDS : FORWARDS,
          fromRevision: from !== undefined ? BigInt(from) : backwards ? END : BEGINNING,
          requiresLeader: true,
          resolveLinkTos: resolveLinks,
          ...(maxCount === undefined ? {} : { maxCount }),
        });
      await consume<ResolvedEvent>(connection, read, idleMs, (event) => {
        const converted = convert(event);
        if (converted !== undefined) events.push(converted);
      });
      return events;
    });
  } catch (error) {
    if (error instanceof StreamNotFoundError) {
      connection.answered();
      return undefined;
    }
    throw error;
  }
};

/**
 * Reads all records in position order, including the server's own.
 * @param from inclusive; must be `START` or a position that was received from the server
 * @throws LogUnavailable
 */
export const readForwards = (
  connection: Connection,
  from: Position,
  maxCount: number,
  idleMs: number,
): Promise<AllStreamResolvedEvent[]> =>
  withRetries(connection, async () => {
    const events: AllStreamResolvedEvent[] = [];
    const fromPosition = from === START ? BEGINNING : { commit: from, prepare: from };
    const read = () => connection.client.readAll({ fromPosition, maxCount, requiresLeader: true });
    await consume<AllStreamResolvedEvent>(connection, read, idleMs, (event) => events.push(event));
    return events;
  });

/**
 * Reads all records in reverse order, including the server's own.
 * @param before exclusive; a position that was received from the server, or undefined for the end
 * @throws LogUnavailable
 */
export const readBackwards = (
  connection: Connection,
  before: Position | undefined,
  maxCount: number,
  idleMs: number,
): Promise<AllStreamResolvedEvent[]> =>
  withRetries(connection, async () => {
    const events: AllStreamResolvedEvent[] = [];
    const fromPosition = before === undefined ? END : { commit: before, prepare: before };
    const read = () =>
      connection.client.readAll({ direction: BACKWARDS, fromPosition, maxCount, requiresLeader: true });
    await consume<AllStreamResolvedEvent>(connection, read, idleMs, (event) => events.push(event));
    return events;
  });

/** A regular expression for types that excludes exactly the server's own records. */
export const NOT_SYSTEM_TYPE = '^[^$]';
/** The number of records that the server reads before it reports its position. */
const WINDOW = 500;

/** The request for the last record that is not one of the server's own. The client's reads cannot filter. */
const lastRecordRequest = (): ReadReq => {
  const options = new ReadReq.Options()
    .setAll(new ReadReq.Options.AllOptions().setEnd(new Empty()))
    .setReadDirection(ReadReq.Options.ReadDirection.BACKWARDS)
    .setCount('1')
    .setUuidOption(new ReadReq.Options.UUIDOption().setString(new Empty()))
    .setFilter(
      new ReadReq.Options.FilterOptions()
        .setEventType(new ReadReq.Options.FilterOptions.Expression().setRegex(NOT_SYSTEM_TYPE))
        .setMax(WINDOW)
        .setCheckpointintervalmultiplier(1),
    );
  return new ReadReq().setOptions(options);
};

/**
 * The position of the last record that a subscription can deliver. The server's own records (tombstones, statistics,
 * links of its projections) do not count, because every subscription leaves them out: a reader that waits for the
 * position of such a record would never reach it.
 * @throws LogUnavailable
 */
export const readHead = (connection: Connection, idleMs: number): Promise<Position> =>
  withRetries(connection, async () => {
    let head = START;
    const { GRPCStreamCreator, callArguments } = internalsOf(connection.client);
    const read = GRPCStreamCreator(StreamsClient, 'readHead', (streams) =>
      streams.read(
        lastRecordRequest(),
        ...callArguments({ requiresLeader: true }, { deadline: Number.POSITIVE_INFINITY }),
      ),
    );
    await consume<ReadResp>(connection, read, idleMs, (response) => {
      const commit = response.getEvent()?.getEvent()?.getCommitPosition();
      if (commit !== undefined) head = BigInt(commit);
    });
    return head;
  });
