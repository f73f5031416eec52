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

/** An open call to the server, with the appends that wait for a reply on it. */
interface OpenCall {
  readonly call: Call;
  readonly pending: Map<string, Pending>;
  /** Ends the watch on the node of the call. */
  readonly unwatch: () => void;
}

/** Limits the time to open a call, because the client's search for a leader has no deadline. @throws NotSent */
const withTimeout = async <T>(ms: number, opening: Promise<T>): Promise<T> => {
  const opened = new AbortController();
  const timeout = sleep(Math.max(1, ms), opened.signal).then((): T => {
    throw new NotSent(`no connection within ${ms} ms`);
  });
  // The promise that loses the race may reject, and no caller would handle that.
  timeout.catch(() => undefined);
  opening.catch(() => undefined);
  return Promise.race([opening, timeout]).finally(() => opened.abort());
};

/** ms between two checks for appends that have waited too long for a reply. */
const CHECK_MS = 50;

/**
 * Sends appends by the client's connection and its batch append protocol, but keeps the pending appends in a table for
 * each instance. The client's table is global to its module. If one connection fails, the client also rejects the
 * appends on every other connection, and throws when their replies arrive. And appends that are queued for a connection
 * that breaks reject a promise that no caller can handle. Either error would end the process.
 */
export class AppendStream {
  readonly #connection: Connection;
  #current: OpenCall | undefined;
  #opening: Promise<OpenCall> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #number = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Sends one append and waits for the reply.
   * @param until the deadline, in ms since 1970
   * @throws NotSent no connection could be opened
   * @throws LogDenied the server denies appends to this user
   * @throws OutcomeLost the connection broke, or no reply came in time
   * @throws the errors of {@link readReply}
   */
  async send(stream: string, expected: number | 'any', events: readonly EncodedEvent[], until: number): Promise<Reply> {
    const current = this.#current ?? (await this.open(until - Date.now()));
    return new Promise((resolve, reject) => {
      const number = String(++this.#number);
      current.pending.set(number, { until, resolve, reject });
      this.#timer ??= setTimeout(this.#expire, CHECK_MS);
      // The result of `write` (back-pressure) is ignored, because the number of appends in flight is limited already.
      current.call.write(appendMessage(number, stream, expected, events));
    });
  }

  /**
   * Opens a call for appends, unless one is open.
   * @param ms the time in which the server must answer
   * @throws NotSent
   * @throws LogDenied
   */
  async open(ms: number): Promise<OpenCall> {
    if (this.#current) return this.#current;
    this.#opening ??= this.#connect(Math.max(1, ms)).finally(() => {
      this.#opening = undefined;
    });
    return withTimeout(ms, this.#opening);
  }

  /** Ends the open call. The outcome of an append that is still pending is lost. */
  close(): void {
    clearTimeout(this.#timer);
    if (this.#current) this.#end(this.#current, new OutcomeLost('the log is closed'));
  }

  async #connect(ms: number): Promise<OpenCall> {
    try {
      const methods = await this.#connection.probe(ms);
      if (!methods.includes('batchappend')) {
        throw new Error('this version of the server has no batch appends; run EventStoreDB 23.10 or later');
      }
      const { GRPCStreamCreator, callArguments } = internalsOf(this.#connection.client);
      const create = GRPCStreamCreator(StreamsClient, 'append', (streams) => {
        // Without `requiresLeader`, a former leader would forward appends, and during an election would keep them until
        // their deadline.
        const noDeadline = { deadline: Number.POSITIVE_INFINITY };
        const call: Call = streams.batchAppend(...callArguments({ requiresLeader: true }, noDeadline));
        const unwatch = this.#connection.watch((error) => this.#end(opened, new OutcomeLost(error.message)));
        const opened: OpenCall = { call, pending: new Map(), unwatch };
        call.on('data', (reply: BatchAppendResp) => this.#receive(opened, reply));
        call.on('error', (error) => this.#end(opened, new OutcomeLost(error.message, { cause: error })));
        call.on('end', () => this.#end(opened, new OutcomeLost('the server has ended the call')));
        this.#current = opened;
        return call;
      });
      await create();
    } catch (error) {
      if (isDenied(error)) throw new LogDenied('the server denies appends to this user', { cause: error });
      throw new NotSent(error instanceof Error ? error.message : String(error), { cause: error });
    }
    if (!this.#current) throw new NotSent('the connection broke as soon as it was opened');
    return this.#current;
  }

  #receive({ pending }: OpenCall, reply: BatchAppendResp): void {
    const number = numberOf(reply);
    const waiting = pending.get(number);
    // Servers were observed to send a second reply to the same append. The first one counts.
    if (!waiting) return;
    pending.delete(number);
    this.#connection.answered();
    try {
      waiting.resolve(readReply(reply));
    } catch (error) {
      waiting.reject(error);
    }
  }

  /** Ends a call. Its pending appends may or may not have been written. The next append opens another call. */
  #end(ended: OpenCall, error: OutcomeLost): void {
    if (this.#current === ended) this.#current = undefined;
    ended.unwatch();
    const lost = [...ended.pending.values()];
    ended.pending.clear();
    for (const { reject } of lost) reject(error);
    ended.call.cancel();
  }

  /** Ends the call if one of its appends has no reply in time, so that lost appends cannot accumulate on it. */
  readonly #expire = (): void => {
    this.#timer = undefined;
    const current = this.#current;
    if (!current || current.pending.size === 0) return;
    const now = Date.now();
    for (const { until } of current.pending.values()) {
      if (until > now) continue;
      this.#end(current, new OutcomeLost('the server did not answer in time'));
      return;
    }
    this.#timer = setTimeout(this.#expire, CHECK_MS);
  };
}
