import { StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb';
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { sleep } from '#platform/loops/backoff';
import { LogDenied } from '../../port';
import { internalsOf } from '../client';
import type { EncodedEvent } from '../codec';
import type { Connection } from '../connection';
import { isDenied, NotSent, OutcomeLost } from '../errors';
import { appendMessage, numberOf, type Reply, readReply } from './append-message';

type Call = ClientDuplexStream<BatchAppendReq, BatchAppendResp>;

interface Pending {
  /** ms since 1970. */
  readonly until: number;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: unknown) => void;
}

interface Line {
  readonly call: Call;
  readonly pending: Map<string, Pending>;
  /** Ends the watch on its node. */
  readonly unwatch: () => void;
}

/** The search for a leader has no deadline of its own. */
const within = async <T>(ms: number, opening: Promise<T>): Promise<T> => {
  const opened = new AbortController();
  const late = sleep(Math.max(1, ms), opened.signal).then((): T => {
    throw new NotSent(`no connection within ${ms} ms`);
  });
  // Of the two one is too late, and what it throws then is nobody's.
  late.catch(() => undefined);
  opening.catch(() => undefined);
  return Promise.race([opening, late]).finally(() => opened.abort());
};

/** ms between two looks at what has waited too long for its answer. */
const LOOK_MS = 50;

/**
 * The client's batch appends over its own connection and protocol, with another table of what is pending. The client's
 * is global to its module: the error of one connection rejects the appends of every other and leaves their answers
 * without an owner, which throws; and what is queued for a connection that breaks rejects a promise that no caller can
 * reach. Each of the two ends the process.
 */
export class AppendStream {
  readonly #connection: Connection;
  #line: Line | undefined;
  #opening: Promise<Line> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #number = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Sends one append and waits for its answer.
   * @param until ms since 1970; an answer that has not come by then is given up
   * @throws NotSent there is no server to send it to
   * @throws LogDenied the server refuses this user
   * @throws OutcomeLost the connection broke, or no answer came in time
   * @throws what {@link readReply} throws
   */
  async send(stream: string, expected: number | 'any', events: readonly EncodedEvent[], until: number): Promise<Reply> {
    const line = this.#line ?? (await this.open(until - Date.now()));
    return new Promise((resolve, reject) => {
      const number = String(++this.#number);
      line.pending.set(number, { until, resolve, reject });
      this.#timer ??= setTimeout(this.#expire, LOOK_MS);
      // What `write` says of back-pressure is of no use: the number of appends in flight is bounded already.
      line.call.write(appendMessage(number, stream, expected, events));
    });
  }

  /**
   * @param ms for the server to say that it is there
   * @throws NotSent
   * @throws LogDenied
   */
  async open(ms: number): Promise<Line> {
    if (this.#line) return this.#line;
    this.#opening ??= this.#connect(Math.max(1, ms)).finally(() => {
      this.#opening = undefined;
    });
    return within(ms, this.#opening);
  }

  /** Nothing may be in flight any more. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#line) this.#break(this.#line, new OutcomeLost('the log is closed'));
  }

  async #connect(ms: number): Promise<Line> {
    try {
      const methods = await this.#connection.probe(ms);
      if (!methods.includes('batchappend')) throw new Error('this version of the server knows no batch appends');
      const { GRPCStreamCreator, callArguments } = internalsOf(this.#connection.client);
      const create = GRPCStreamCreator(StreamsClient, 'append', (streams) => {
        // A node that is no leader any more would pass appends on, and in an election keep them until their deadline.
        const always = { deadline: Number.POSITIVE_INFINITY };
        const call: Call = streams.batchAppend(...callArguments({ requiresLeader: true }, always));
        const unwatch = this.#connection.watch((error) => this.#break(line, new OutcomeLost(error.message)));
        const line: Line = { call, pending: new Map(), unwatch };
        call.on('data', (reply: BatchAppendResp) => this.#answered(line, reply));
        call.on('error', (error) => this.#break(line, new OutcomeLost(error.message, { cause: error })));
        call.on('end', () => this.#break(line, new OutcomeLost('the server has ended the call')));
        this.#line = line;
        return call;
      });
      await create();
    } catch (error) {
      if (isDenied(error)) throw new LogDenied('the server denies this user to append', { cause: error });
      throw new NotSent(error instanceof Error ? error.message : String(error), { cause: error });
    }
    if (!this.#line) throw new NotSent('the connection broke at once');
    return this.#line;
  }

  #answered({ pending }: Line, reply: BatchAppendResp): void {
    const number = numberOf(reply);
    const waiting = pending.get(number);
    // A second answer to the same append has been seen; the first one counts.
    if (!waiting) return;
    pending.delete(number);
    this.#connection.answered();
    try {
      waiting.resolve(readReply(reply));
    } catch (error) {
      waiting.reject(error);
    }
  }

  /** The next append opens another line. What is pending on this one may or may not have been written. */
  #break(line: Line, error: OutcomeLost): void {
    if (this.#line === line) this.#line = undefined;
    line.unwatch();
    const lost = [...line.pending.values()];
    line.pending.clear();
    for (const { reject } of lost) reject(error);
    line.call.cancel();
  }

  /** A line on which one append has found no answer in time is given up: so none can fill it with lost ones. */
  readonly #expire = (): void => {
    this.#timer = undefined;
    const line = this.#line;
    if (!line || line.pending.size === 0) return;
    const now = Date.now();
    for (const { until } of line.pending.values()) {
      if (until > now) continue;
      this.#break(line, new OutcomeLost('no answer in time'));
      return;
    }
    this.#timer = setTimeout(this.#expire, LOOK_MS);
  };
}
