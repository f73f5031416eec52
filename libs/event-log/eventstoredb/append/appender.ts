import { timeOfUuidv7 } from '#platform/ids/uuid';
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
import { NotNow, type Reply } from './append-message';
import type { AppendStream } from './append-stream';
import type { InFlight } from './in-flight';
import { type Known, type KnownStreams, reachesBack, type StoredCommand } from './known-streams';
import type { StreamHistory } from './stream-history';

/** Bytes of an event's envelope on the wire, about. */
const ENVELOPE = 400;
/** A command is taken for new where its UUIDv7 says that it was made within this time. */
const NEW_MS = 1_000;
/** Tries of one append, however long the log is not available already. */
const TRIES = 3;

/** When a command was made, as its id tells; undefined where it is no UUIDv7. */
const bornAt = (commandId: string): number | undefined => (commandId[14] === '7' ? timeOfUuidv7(commandId) : undefined);

const repeatOf = ({ version, position }: StoredCommand): AppendResult => ({ version, position, repeated: true });

/**
 * Appends with the port's promises, which the server's own idempotency does not keep: it knows a repeat only by the
 * version that the first one expected, writes it again where the repeat expects the present version, and with `any`
 * forgets it in time and with a restart.
 *
 * So every append goes out with an exact version, also where the caller takes any; then no second attempt can be written
 * beside the first, however late that one arrives, and repeating is always safe. And no append goes out before this
 * process knows all of the stream, up to the version that it expects, in which its command could lie: from what it has
 * read and written itself, so that the common case needs no further round trip, or else from a look at the stream's end.
 */
export class Appender {
  readonly #running = new Map<string, Promise<AppendResult>>();
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(
    private readonly line: AppendStream,
    private readonly inFlight: InFlight,
    private readonly known: KnownStreams,
    private readonly history: StreamHistory,
    private readonly horizon: Horizon,
    private readonly connection: Connection,
    private readonly settings: Pick<Settings, 'upcasters' | 'appendDeadlineMs' | 'resolveDeadlineMs'>,
  ) {}

  /** Everything that `EventLog.append` promises, for an append that is valid. */
  async append(valid: ValidAppend): Promise<AppendResult> {
    const { commandId } = valid.append;
    for (let first = this.#running.get(commandId); first; first = this.#running.get(commandId)) {
      const result = await first.catch(() => undefined);
      if (result) return { ...result, repeated: true };
    }
    const until = Date.now() + this.settings.appendDeadlineMs;
    const attempt = valid.append.expected === 'any' ? this.#inTurn(valid, until) : this.#attempt(valid, until);
    this.#running.set(commandId, attempt);
    try {
      return await attempt;
    } finally {
      this.#running.delete(commandId);
    }
  }

  /** Appends of one process that take any version follow one another, instead of defeating one another. */
  #inTurn(valid: ValidAppend, until: number): Promise<AppendResult> {
    const name = streamName(valid.append.stream);
    const attempt = (): Promise<AppendResult> => this.#attempt(valid, until);
    const turn = (this.#turns.get(name) ?? Promise.resolve()).then(attempt, attempt);
    this.#turns.set(name, turn);
    const done = (): void => {
      if (this.#turns.get(name) === turn) this.#turns.delete(name);
    };
    turn.then(done, done);
    return turn;
  }

  /** @param until ms since 1970; nothing is sent after that, and what was sent is looked for */
  async #attempt(valid: ValidAppend, until: number): Promise<AppendResult> {
    if (Date.now() >= until) throw new LogUnavailable('the append had to wait for too long');
    const { append } = valid;
    const { stream, expected, commandId } = append;
    const name = streamName(stream);
    const born = bornAt(commandId);
    const earlier =
      this.known.get(name)?.commands.get(commandId) ??
      (mayGoAtOnce(append, this.known.get(name), born)
        ? undefined
        : await this.history.find(name, commandId, born, { idleMs: this.settings.appendDeadlineMs }));
    if (earlier) return repeatOf(earlier);

    const horizon = this.horizon.position;
    /** Whether an attempt of this very call may have been written. */
    let lost = false;
    for (let tries = 1; ; tries++) {
      const at = expected === 'any' ? (this.known.get(name)?.to ?? 0) : expected;
      const reply = await this.#write(name, at, valid, until).catch((error: unknown) => {
        if (error instanceof OutcomeLost) return error;
        // An attempt before this one may have been written all the same.
        if (lost)
          throw new AppendOutcomeUnknown('the server went away while the append was looked for', { cause: error });
        throw error;
      });
      if (!(reply instanceof OutcomeLost) && reply.kind === 'stored')
        return this.#stored(valid, name, at, reply, horizon);
      lost ||= reply instanceof OutcomeLost;
      const found = await this.#lookFor(name, append, born, reply, { lost, until });
      if (found) return { ...repeatOf(found), repeated: !lost };
      // Nothing of it in the stream. Where it was lost, the same once more with the same version can't be written twice.
      if (reply instanceof OutcomeLost) {
        if (tries >= TRIES || Date.now() >= until) throw new AppendOutcomeUnknown(reply.message, { cause: reply });
      } else if (expected !== 'any') {
        throw new WrongExpectedVersion(stream, expected, reply.actual);
      } else if (Date.now() >= until) {
        throw new LogUnavailable('others were faster, again and again');
      }
    }
  }

  /**
   * The server answers a repeat as it answered the first one. What lies before something that was met before this call
   * has been stored by an earlier one, of another process.
   */
  async #stored(
    valid: ValidAppend,
    name: string,
    at: number,
    reply: Reply & { kind: 'stored' },
    horizon: Position,
  ): Promise<AppendResult> {
    const { commandId } = valid.append;
    const { version } = reply;
    const position = reply.position ?? (await this.history.find(name, commandId, undefined))?.position;
    if (position === undefined) throw new AppendOutcomeUnknown('stored, and not found again');
    this.known.learn(name, at, [{ version, position, commandId, time: Date.now() }], true);
    this.horizon.meet(position);
    return { version, position, repeated: position <= horizon };
  }

  /** Looks for the command after a conflict or a lost answer, within a time of its own at least. */
  async #lookFor(
    name: string,
    { commandId }: Append,
    born: number | undefined,
    reply: Reply | OutcomeLost,
    { lost, until }: { readonly lost: boolean; readonly until: number },
  ) {
    const actual = reply instanceof OutcomeLost || reply.kind === 'stored' ? 0 : reply.actual;
    // The search for the next leader counts, too.
    const idleMs = Math.max(this.settings.resolveDeadlineMs, until - Date.now());
    try {
      return await this.history.find(name, commandId, born, { idleMs, upTo: actual });
    } catch (error) {
      if (!(error instanceof LogUnavailable)) throw error;
      if (!lost) throw error;
      throw new AppendOutcomeUnknown('the append could not be looked for', { cause: error });
    }
  }

  /** @throws OutcomeLost | LogUnavailable | InvalidAppend */
  async #write(name: string, at: number, { append, json, bytes }: ValidAppend, until: number): Promise<Reply> {
    const events = encode(append, json, this.settings.upcasters);
    for (let tries = 1; ; tries++) {
      if (Date.now() >= until) throw new LogUnavailable('the append could not be sent in time');
      try {
        const size = bytes + events.length * ENVELOPE;
        return await this.inFlight.run(size, until, () => this.line.send(name, at, events, until));
      } catch (error) {
        if (error instanceof InvalidAppend) this.known.forget(name);
        const untouched = error instanceof NotSent || error instanceof NotNow;
        if (!untouched) throw error;
        // An election takes a second or two, and the append waits for it as long as it has time.
        const { retryUntil } = this.connection;
        if (tries >= TRIES && Date.now() > retryUntil) throw new LogUnavailable(error.message, { cause: error });
        if (knowsNoLeader(error)) await this.connection.leaveNode('the node knows no leader');
        await sleep(Math.min(backoff(tries, { firstMs: 50, maxMs: 400 }), Math.max(1, until - Date.now())));
      }
    }
  }
}

/**
 * Whether the append needs no look at the stream first: its command is new, and all of the stream in which it could lie
 * is known. A stream that must not exist holds nothing; the server itself refuses the append if it does.
 */
const mayGoAtOnce = ({ expected }: Append, known: Known | undefined, born: number | undefined): boolean => {
  if (born === undefined || Date.now() - born > NEW_MS) return false;
  if (expected === 0) return true;
  if (!known) return expected === 'any';
  return (expected === 'any' || known.to >= expected) && reachesBack(known, born);
};
