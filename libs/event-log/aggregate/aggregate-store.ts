import { backoff, sleep } from '#platform/loops/backoff';
import { type EventLog, type EventToAppend, type Position, type RecordedEvent, WrongExpectedVersion } from '../port';
import { type StreamId, streamName, tenantPrefix } from '../stream-id';
import type { CommandContext, Fold } from './fold';
import { foldOnto, HistoryOfNewerRelease } from './fold-onto';
import { noSnapshots, type Snapshots } from './snapshots';
import { createStateCache, type Folded, type StateCache } from './state-cache';

/** What came of a command. */
export interface CommandResult<State = unknown> {
  /** The stream's version afterwards. */
  readonly version: number;
  /** What the stream's events come to at that version. */
  readonly state: State;
  /** Where its last event lies; undefined where nothing had to happen. */
  readonly position: Position | undefined;
}

/** The client insisted on a version (`If-Match`) that the stream is no longer at. */
export class StaleVersion extends Error {
  override readonly name = 'StaleVersion';
}

export interface AggregateStoreOptions {
  readonly log: EventLog;
  readonly snapshots?: Snapshots;
  /** Streams whose state is kept in memory; 10,000 by default. */
  readonly cached?: number;
  /** A snapshot is written when this many events came since the last; 500 by default. */
  readonly snapshotEvery?: number;
}

type Decide<State, Event> = (state: State) => readonly Event[];

/** A stream and what it is kept by, which is made once a command. */
interface Target {
  readonly stream: StreamId;
  readonly name: string;
}

const targetOf = (stream: StreamId): Target => ({ stream, name: streamName(stream) });

/** Rounds of read, decide, append before a command fails because others keep writing to the same stream. */
const ATTEMPTS = 50;

/**
 * Loads a stream's state, lets a rule decide on it, appends what it decided expecting the version that it saw, and does
 * so again where another was faster. A rule's no counts only on a state that was read from the log for it: a state that
 * was kept in memory may be behind. What was kept of a stream that has been erased since, or of a
 * history that the log no longer has, counts for nothing.
 */
export class AggregateStore {
  readonly #log: EventLog;
  readonly #snapshots: Snapshots;
  readonly #cache: StateCache;
  readonly #snapshotEvery: number;
  /** The last command of each stream that has one under way. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor({ log, snapshots = noSnapshots, cached = 10_000, snapshotEvery = 500 }: AggregateStoreOptions) {
    this.#log = log;
    this.#snapshots = snapshots;
    this.#cache = createStateCache(cached);
    this.#snapshotEvery = snapshotEvery;
  }

  /**
   * For a command that founds its stream: appends without reading first.
   * @throws a rule's refusal; StaleVersion never
   */
  async create<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    stream: StreamId,
    context: CommandContext,
    decide: Decide<State, Event>,
  ): Promise<CommandResult<State>> {
    const events = decide(fold.initial);
    try {
      return await this.#append(fold, targetOf(stream), context, { version: 0, state: fold.initial }, events);
    } catch (error) {
      if (!(error instanceof WrongExpectedVersion)) throw error;
      // Somebody else's stream: the rule says what that means.
      return this.execute(fold, stream, context, decide);
    }
  }

  /**
   * @param expectedVersion the version that the client insists on
   * @throws StaleVersion it is at another one
   * @throws WrongExpectedVersion others were faster {@link ATTEMPTS} times
   * @throws HistoryOfNewerRelease the stream holds an event that this release does not know
   * @throws a rule's refusal, or what the log throws
   */
  execute<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    stream: StreamId,
    context: CommandContext,
    decide: Decide<State, Event>,
    expectedVersion?: number,
  ): Promise<CommandResult<State>> {
    const target = targetOf(stream);
    return this.#inTurn(target.name, () => this.#execute(fold, target, context, decide, expectedVersion));
  }

  /**
   * Commands of this process on one stream, one after the other: of those that run at once all but one would be in vain,
   * and read and decide again. Only other processes are met in the log.
   */
  async #inTurn<T>(name: string, command: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name);
    const mine = before ? before.then(command, command) : command();
    this.#turns.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(name) === mine) this.#turns.delete(name);
    }
  }

  async #execute<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    target: Target,
    context: CommandContext,
    decide: Decide<State, Event>,
    expectedVersion?: number,
  ): Promise<CommandResult<State>> {
    if (context.mayRepeat) {
      const position = await this.#find(target.stream, context.commandId);
      if (position !== undefined) return { ...(await this.#load(fold, target)), position };
    }
    let folded = this.#cache.get<State>(target.name);
    let fresh = folded === undefined;
    for (let attempt = 1; ; attempt++) {
      folded = fresh || !folded ? await this.#load(fold, target) : folded;
      try {
        requireWhole(target.name, folded);
        // The rule's no comes first: what is not there is not found, whatever version it is asked for in.
        const events = decide(folded.state);
        if (expectedVersion !== undefined && expectedVersion !== folded.version) throw new StaleVersion();
        if (events.length > 0) return await this.#append(fold, target, context, folded, events);
        if (fresh) return { ...folded, position: undefined };
      } catch (error) {
        const conflict = error instanceof WrongExpectedVersion;
        if (conflict && attempt >= ATTEMPTS) throw error;
        if (!conflict && (fresh || isOfTheLog(error))) throw error;
        if (conflict && attempt > 2) await sleep(backoff(attempt - 2, { firstMs: 1, maxMs: 20 }));
      }
      fresh = true;
    }
  }

  /**
   * The state that the stream's events come to now; from memory and snapshot as far as they reach. For readers: events that
   * this release does not know are left out.
   */
  load<State, Event extends EventToAppend>(fold: Fold<State, Event>, stream: StreamId): Promise<Folded<State>> {
    return this.#load(fold, targetOf(stream));
  }

  async #load<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    { stream, name }: Target,
  ): Promise<Folded<State>> {
    const kept = this.#cache.get<State>(name) ?? (await this.#snapshot(fold, stream));
    const added = kept && (await this.#readOn(stream, kept));
    if (kept && !added) this.#cache.drop(name);
    const base = kept && added ? kept : { version: 0, state: fold.initial };
    const events = added ?? (await this.#log.readStream(stream));
    const commandId = events.at(-1)?.commandId ?? base.commandId;
    const folded = { ...foldOnto(fold, base, events as unknown as readonly Event[]), commandId };
    this.#cache.put(name, folded);
    // The newer release would take what was left out here for nothing that happened.
    if (events.length >= this.#snapshotEvery && !folded.unknown) this.#snapshots.save(stream, fold.foldVersion, folded);
    return folded;
  }

  /**
   * The same for what a rule about another stream is decided on.
   * @throws HistoryOfNewerRelease the history holds an event that this release does not know
   */
  async loadWhole<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    stream: StreamId,
  ): Promise<Folded<State>> {
    const target = targetOf(stream);
    const folded = await this.#load(fold, target);
    requireWhole(target.name, folded);
    return folded;
  }

  async #snapshot<State, Event extends EventToAppend>(
    { foldVersion, isState = isAny }: Fold<State, Event>,
    stream: StreamId,
  ): Promise<Folded<State> | undefined> {
    const found = await this.#snapshots.load<State>(stream, foldVersion);
    return found && isState(found.state) ? found : undefined;
  }

  /** Keeps nothing of an erased tenant in memory. What a command under way puts back is distrusted by {@link load}. */
  forgetTenant(tenantId: string): void {
    this.#cache.dropAll(tenantPrefix(tenantId));
  }

  /**
   * What came after a version. Its own event is read with it, as the proof that what was kept is of a stream that still
   * is, in the same history: an erased stream has nothing after any version either, and a log that went back to an older
   * copy may have another event there.
   * @returns undefined where that event is gone
   */
  async #readOn(
    stream: StreamId,
    { version, commandId }: Folded<unknown>,
  ): Promise<readonly RecordedEvent[] | undefined> {
    if (version === 0) return undefined;
    const [known, ...added] = await this.#log.readStream(stream, { afterVersion: version - 1 });
    return known?.version === version && known.commandId === commandId ? added : undefined;
  }

  async #append<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    target: Target,
    { commandId, actor, correlationId, causationId }: CommandContext,
    folded: Folded<State>,
    events: readonly Event[],
  ): Promise<CommandResult<State>> {
    const result = await this.#log.append({
      stream: target.stream,
      expected: folded.version,
      expectedCommandId: folded.commandId,
      events,
      commandId,
      actor,
      correlationId,
      ...(causationId !== undefined && { causationId }),
    });
    const { position } = result;
    // What the command found when it was carried out first is not what it would find now.
    if (result.repeated) return { ...(await this.#load(fold, target)), position };
    const next = { ...foldOnto(fold, { ...folded, version: result.version - events.length }, events), commandId };
    this.#cache.put(target.name, next);
    return { ...next, position };
  }

  async #find(stream: StreamId, commandId: string): Promise<Position | undefined> {
    const events = await this.#log.readStream(stream);
    return events.findLast((event) => event.commandId === commandId)?.position;
  }
}

const requireWhole = (name: string, { unknown }: Folded<unknown>): void => {
  if (unknown) throw new HistoryOfNewerRelease(name, unknown);
};

const isAny = <State>(_value: unknown): _value is State => true;

const LOG_ERRORS = new Set(['InvalidAppend', 'LogUnavailable', 'AppendOutcomeUnknown']);
const isOfTheLog = (error: unknown): boolean => error instanceof Error && LOG_ERRORS.has(error.name);
