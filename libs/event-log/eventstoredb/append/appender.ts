import { backoff, sleep } from '#platform/loops/backoff';
import {
  type Append,
  AppendOutcomeUnknown,
  type AppendResult,
  InvalidAppend,
  LogUnavailable,
  type Position,
  WrongExpectedVersion,
} from '../../port';
import { streamName } from '../../stream-id';
import type { ValidAppend } from '../../validate-append';
import { encode } from '../codec';
import type { Connection } from '../connection';
import { knowsNoLeader, NotSent, OutcomeLost } from '../errors';
import type { Horizon } from '../horizon';
import type { Settings } from '../options';
import { type Reply, ServerNotReady } from './append-message';
import type { AppendStream } from './append-stream';
import type { InFlight } from './in-flight';
import type { KnownStreams, StoredCommand } from './known-streams';
import { creationTimeOf, needsNoRead } from './new-command';
import type { StreamHistory } from './stream-history';

/** The approximate number of bytes that an event needs in a message in addition to its data. */
const ENVELOPE = 400;
/**
 * Attempts at one append. An append that was not written is tried at least this often, even during a long outage; one
 * whose outcome was lost, at most this often.
 */
const TRIES = 3;

const repeatOf = ({ version, position }: StoredCommand): AppendResult => ({ version, position, repeated: true });

/**
 * Appends as the port promises. The server's own idempotency is not sufficient for that: it recognises a repeat only if
 * the repeat expects the same version as the first append, it stores the events again if the repeat expects the present
 * version, and with `any` it forgets the first append after some time and at a restart.
 *
 * So every append is sent with an exact version, even if the caller accepts any version. Then a second attempt cannot
 * be stored in addition to the first one, however late the first one arrives, and a repeat is always safe. And before
 * an append is sent, this process must know every event of the stream, up to the expected version, that could belong to
 * the command. In the common case it knows them from its own reads and appends, and needs no further round trip.
 * Otherwise it reads the end of the stream.
 */
export class Appender {
  readonly #running = new Map<string, Promise<AppendResult>>();
  readonly #lastAppends = new Map<string, Promise<unknown>>();

  constructor(
    private readonly appendStream: AppendStream,
    private readonly inFlight: InFlight,
    private readonly known: KnownStreams,
    private readonly history: StreamHistory,
    private readonly horizon: Horizon,
    private readonly connection: Connection,
    private readonly settings: Pick<Settings, 'upcasters' | 'appendDeadlineMs' | 'resolveDeadlineMs'>,
  ) {}

  /** Implements `EventLog.append` for an append that is valid. */
  async append(valid: ValidAppend): Promise<AppendResult> {
    const { commandId } = valid.append;
    for (let first = this.#running.get(commandId); first; first = this.#running.get(commandId)) {
      const result = await first.catch(() => undefined);
      if (result) return { ...result, repeated: true };
    }
    const until = Date.now() + this.settings.appendDeadlineMs;
    const attempt = valid.append.expected === 'any' ? this.#inQueue(valid, until) : this.#attempt(valid, until);
    this.#running.set(commandId, attempt);
    try {
      return await attempt;
    } finally {
      this.#running.delete(commandId);
    }
  }

  /**
   * Sends appends with `any` to one stream one after the other, because parallel ones would conflict with each other.
   */
  #inQueue(valid: ValidAppend, until: number): Promise<AppendResult> {
    const name = streamName(valid.append.stream);
    const attempt = (): Promise<AppendResult> => this.#attempt(valid, until);
    const queued = (this.#lastAppends.get(name) ?? Promise.resolve()).then(attempt, attempt);
    this.#lastAppends.set(name, queued);
    const done = (): void => {
      if (this.#lastAppends.get(name) === queued) this.#lastAppends.delete(name);
    };
    queued.then(done, done);
    return queued;
  }

  /** @param until ms since 1970; after this time nothing is sent, and the outcome of an append that was sent is read */
  async #attempt(valid: ValidAppend, until: number): Promise<AppendResult> {
    if (Date.now() >= until) throw new LogUnavailable('the append waited too long for earlier appends to its stream');
    const { append } = valid;
    const { stream, expected, commandId } = append;
    const name = streamName(stream);
    const createdAt = creationTimeOf(commandId);
    const earlier =
      this.known.get(name)?.commands.get(commandId) ??
      (needsNoRead(append, this.known.get(name), createdAt)
        ? undefined
        : await this.history.find(name, commandId, createdAt, { idleMs: this.settings.appendDeadlineMs }));
    if (earlier) return repeatOf(earlier);

    const horizon = this.horizon.position;
    /** Whether an attempt of this call may have been written. */
    let maybeWritten = false;
    for (let tries = 1; ; tries++) {
      const expectedNow = expected === 'any' ? (this.known.get(name)?.to ?? 0) : expected;
      const reply = await this.#write(name, expectedNow, valid, until).catch((error: unknown) => {
        if (error instanceof OutcomeLost) return error;
        // An earlier attempt of this call may have been written.
        if (maybeWritten) {
          throw new AppendOutcomeUnknown('the log became unavailable before the outcome was known', { cause: error });
        }
        throw error;
      });
      if (!(reply instanceof OutcomeLost) && reply.kind === 'stored')
        return this.#stored(valid, name, expectedNow, reply, horizon);
      maybeWritten ||= reply instanceof OutcomeLost;
      const found = await this.#findAfterFailure(name, append, createdAt, reply, { maybeWritten, until });
      if (found) return { ...repeatOf(found), repeated: !maybeWritten };
      // The stream does not hold the append. If its outcome was lost, it is sent again with the same version: the
      // server cannot store both.
      if (reply instanceof OutcomeLost) {
        if (tries >= TRIES || Date.now() >= until) throw new AppendOutcomeUnknown(reply.message, { cause: reply });
      } else if (expected !== 'any') {
        throw new WrongExpectedVersion(stream, expected, reply.actual);
      } else if (Date.now() >= until) {
        throw new LogUnavailable('other writers kept appending to the stream until the deadline');
      }
    }
  }

  /**
   * The server answers a repeat in the same way as the first append. If the position is not after the highest position
   * that this process had seen before the call, an earlier call of another process has stored the append.
   */
  async #stored(
    valid: ValidAppend,
    name: string,
    expectedNow: number,
    reply: Reply & { kind: 'stored' },
    horizon: Position,
  ): Promise<AppendResult> {
    const { commandId } = valid.append;
    const { version } = reply;
    const position = reply.position ?? (await this.history.find(name, commandId, undefined))?.position;
    if (position === undefined) throw new AppendOutcomeUnknown('the append was stored, but could not be read again');
    this.known.learn(name, expectedNow, [{ version, position, commandId, time: Date.now() }], true);
    this.horizon.observe(position);
    return { version, position, repeated: position <= horizon };
  }

  /** Searches the stream for the command after a conflict or a lost reply; takes at least `resolveDeadlineMs`. */
  async #findAfterFailure(
    name: string,
    { commandId }: Append,
    createdAt: number | undefined,
    reply: Reply | OutcomeLost,
    { maybeWritten, until }: { readonly maybeWritten: boolean; readonly until: number },
  ) {
    const actual = reply instanceof OutcomeLost || reply.kind === 'stored' ? 0 : reply.actual;
    // This time includes the search for the next leader.
    const idleMs = Math.max(this.settings.resolveDeadlineMs, until - Date.now());
    try {
      return await this.history.find(name, commandId, createdAt, { idleMs, upTo: actual });
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      if (!maybeWritten) throw error;
      throw new AppendOutcomeUnknown('the stream could not be read to find the append', { cause: error });
    }
  }

  /** Sends the append, again if it was not written. @throws OutcomeLost, LogUnavailable, InvalidAppend */
  async #write(name: string, expectedNow: number, { append, json, bytes }: ValidAppend, until: number): Promise<Reply> {
    const events = encode(append, json, this.settings.upcasters);
    for (let tries = 1; ; tries++) {
      if (Date.now() >= until) throw new LogUnavailable('the append could not be sent in time');
      try {
        const size = bytes + events.length * ENVELOPE;
        return await this.inFlight.run(size, until, () => this.appendStream.send(name, expectedNow, events, until));
      } catch (error) {
        if (error instanceof InvalidAppend) this.known.forget(name);
        const notWritten = error instanceof NotSent || error instanceof ServerNotReady;
        if (!notWritten) throw error;
        // An election takes one or two seconds. The append waits for its end until the deadline.
        const { retryUntil } = this.connection;
        if (tries >= TRIES && Date.now() > retryUntil) throw new LogUnavailable(error.message, { cause: error });
        if (knowsNoLeader(error)) await this.connection.leaveNode('the node knows no leader');
        await sleep(Math.min(backoff(tries, { firstMs: 50, maxMs: 400 }), Math.max(1, until - Date.now())));
      }
    }
  }
}
