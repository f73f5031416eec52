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
 * Tries of one read, however long the log is not available already. A connection that was cut is gone only after the first call
 * that has failed on it.
 */
const TRIES = 3;

/** Thrown for a stream that is tombstoned. */
export { StreamDeletedError as StreamErased };

/** No answer came in time: not worth another try. */
class TimedOut extends LogUnavailable {}

const isAnAnswer = (error: unknown): boolean =>
  error instanceof StreamDeletedError || error instanceof StreamNotFoundError;

/** What the client's reads and its raw calls have in common; their types differ in each listener. */
interface Incoming {
  on(event: string, listener: (value: never) => void): unknown;
  cancel(): unknown;
}

/**
 * Takes everything that a read gives. The client has no deadline for reads: this one ends a read that has made no
 * progress for `idleMs`, or whose node is left.
 */
const drain = <E>(
  connection: Connection,
  open: () => unknown,
  idleMs: number,
  take: (event: E) => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    let seen = 0;
    let finished = false;
    const opening = Promise.resolve().then(open) as Promise<Incoming>;
    const finish = (settle: () => void): void => {
      finished = true;
      unwatchQuiet();
      unwatchNode();
      settle();
      // What has come already must flow away: a call that is left with it never ends, nor does the client's dispose.
      void opening.then((stream) => stream.cancel()).catch(() => undefined);
    };
    const fail = (error: unknown): void =>
      finish(() => reject(isAnAnswer(error) ? error : unavailable('the read broke', error)));
    const timeOut = (): void => finish(() => reject(new TimedOut(`no answer within ${idleMs} ms`)));
    const unwatchQuiet = whenSilent(idleMs, () => seen, timeOut);
    const unwatchNode = connection.watch(fail);
    opening.then((stream) => {
      // The listener stays: the client may emit a second error.
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
          if (!finished) take(event);
        } catch (error) {
          finish(() => reject(error));
        }
      });
    }, fail);
  });

/** An election, or a node that is being restarted, is waited for; what would fail again fails at once. */
const retrying = async <T>(connection: Connection, read: () => Promise<T>): Promise<T> => {
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
  /** Revision of the first event, inclusive; the end by default where it reads backwards. */
  readonly from?: number;
  readonly backwards?: boolean;
  readonly maxCount?: number;
  /** Gives in place of a link the event that it points to. */
  readonly resolveLinks?: boolean;
}

/**
 * The events of one stream; undefined for a stream that does not exist. From the leader, so that what was acknowledged
 * is seen.
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
    return await retrying(connection, async () => {
      const events: T[] = [];
      const read = () =>
        connection.client.readStream(stream, {
          direction: backwards ? BACKWARDS : FORWARDS,
          fromRevision: from !== undefined ? BigInt(from) : backwards ? END : BEGINNING,
          requiresLeader: true,
          resolveLinkTos: resolveLinks,
          ...(maxCount === undefined ? {} : { maxCount }),
        });
      await drain<ResolvedEvent>(connection, read, idleMs, (event) => {
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

/** All records in position order, the server's own included, from a position that was received (inclusive). */
export const readForwards = (
  connection: Connection,
  from: Position,
  maxCount: number,
  idleMs: number,
): Promise<AllStreamResolvedEvent[]> =>
  retrying(connection, async () => {
    const events: AllStreamResolvedEvent[] = [];
    const fromPosition = from === START ? BEGINNING : { commit: from, prepare: from };
    const read = () => connection.client.readAll({ fromPosition, maxCount, requiresLeader: true });
    await drain<AllStreamResolvedEvent>(connection, read, idleMs, (event) => events.push(event));
    return events;
  });

/** All records in reverse order, from before a position that was received, or from the end. */
export const readBackwards = (
  connection: Connection,
  before: Position | undefined,
  maxCount: number,
  idleMs: number,
): Promise<AllStreamResolvedEvent[]> =>
  retrying(connection, async () => {
    const events: AllStreamResolvedEvent[] = [];
    const fromPosition = before === undefined ? END : { commit: before, prepare: before };
    const read = () =>
      connection.client.readAll({ direction: BACKWARDS, fromPosition, maxCount, requiresLeader: true });
    await drain<AllStreamResolvedEvent>(connection, read, idleMs, (event) => events.push(event));
    return events;
  });

/** What a filter on types must match so that it leaves out the server's own records, and nothing else. */
export const NOT_OF_THE_SERVER = '^[^$]';
/** Records that the server looks through in one go. */
const WINDOW = 500;

/** One record backwards from the end, of those that the server did not write itself. The client's reads know no filter. */
const lastRecord = (): ReadReq => {
  const options = new ReadReq.Options()
    .setAll(new ReadReq.Options.AllOptions().setEnd(new Empty()))
    .setReadDirection(ReadReq.Options.ReadDirection.BACKWARDS)
    .setCount('1')
    .setUuidOption(new ReadReq.Options.UUIDOption().setString(new Empty()))
    .setFilter(
      new ReadReq.Options.FilterOptions()
        .setEventType(new ReadReq.Options.FilterOptions.Expression().setRegex(NOT_OF_THE_SERVER))
        .setMax(WINDOW)
        .setCheckpointintervalmultiplier(1),
    );
  return new ReadReq().setOptions(options);
};

/**
 * The position of the last record that a subscription can show. The server's own records (tombstones, statistics, links of
 * its projections) are left out, as every subscription leaves them out: a reader that waits for one of them would wait
 * in vain.
 * @throws LogUnavailable
 */
export const readHead = (connection: Connection, idleMs: number): Promise<Position> =>
  retrying(connection, async () => {
    let head = START;
    const { GRPCStreamCreator, callArguments } = internalsOf(connection.client);
    const read = GRPCStreamCreator(StreamsClient, 'readHead', (streams) =>
      streams.read(lastRecord(), ...callArguments({ requiresLeader: true }, { deadline: Number.POSITIVE_INFINITY })),
    );
    await drain<ReadResp>(connection, read, idleMs, (response) => {
      const commit = response.getEvent()?.getEvent()?.getCommitPosition();
      if (commit !== undefined) head = BigInt(commit);
    });
    return head;
  });
