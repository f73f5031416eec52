import { hasRequiredVersion, type RequiredVersion } from '#domain/command';
import { backoff, sleep } from '#platform/loops/backoff';
import { createKeyedQueue } from '#platform/loops/keyed-queue';
import { type EventLog, type EventToAppend, type Position, WrongExpectedVersion } from '../port';
import type { StreamId } from '../stream-id';
import type { CommandContext, Fold } from './fold';
import { foldOnto, HistoryOfNewerRelease } from './fold-onto';
import { noSnapshots, type Snapshots } from './snapshots';
import type { Folded } from './state-cache';
import { type NamedStream, StateLoader, withName } from './state-loader';

/** The result of a command. */
export interface CommandResult<State = unknown> {
  /** The version of the stream after the command. */
  readonly version: number;
  /** The state of the stream at that version. */
  readonly state: State;
  /** The position of the command's last event; undefined if the command changed nothing. */
  readonly position: Position | undefined;
}

/** The client required a version (`If-Match`) that the stream no longer has. */
export class StaleVersion extends Error {
  override readonly name = 'StaleVersion';
}

export interface AggregateStoreOptions {
  readonly log: EventLog;
  readonly snapshots?: Snapshots;
  /** The maximum number of streams whose state is kept in memory; 10,000 by default. */
  readonly cached?: number;
  /** A snapshot is saved when at least this many events were read after the last one; 500 by default. */
  readonly snapshotEvery?: number;
}

type Decide<State, Event> = (state: State) => readonly Event[];

/** Rounds of read, decide and append before a command fails because other processes keep writing to the same stream. */
const ATTEMPTS = 50;

/**
 * Loads the state of a stream, calls a rule with it, and appends the events that the rule returns, with the version of
 * that state as the expected version. It starts again if another process appended first. A refusal of the rule is
 * passed on only if the state was read from the log for this command, because a state in memory may be behind.
 */
export class AggregateStore {
  readonly #log: EventLog;
  readonly #states: StateLoader;
  /**
   * Runs the commands of this process on one stream one after the other. If they ran at once, all but one would fail on
   * the expected version, and would have to read and decide again. The expected version detects commands of others.
   */
  readonly #inQueue = createKeyedQueue();

  constructor({ log, snapshots = noSnapshots, cached = 10_000, snapshotEvery = 500 }: AggregateStoreOptions) {
    this.#log = log;
    this.#states = new StateLoader({ log, snapshots, cached, snapshotEvery });
  }

  /**
   * Executes a command that creates its stream: appends without reading first.
   * @throws WrongExpectedVersion other processes appended first {@link ATTEMPTS} times
   * @throws HistoryOfNewerRelease the stream exists and holds an event that this release does not know
   * @throws the refusal of the rule, or an error of the log; never StaleVersion
   */
  async create<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    stream: StreamId,
    context: CommandContext,
    decide: Decide<State, Event>,
  ): Promise<CommandResult<State>> {
    const events = decide(fold.initial);
    try {
      return await this.#append(fold, withName(stream), context, { version: 0, state: fold.initial }, events);
    } catch (error) {
      if (!(error instanceof WrongExpectedVersion)) throw error;
      // Another command has created the stream: the rule decides what that means.
      return this.execute(fold, stream, context, decide);
    }
  }

  /**
   * @param requiredVersion the versions that the client requires or excludes
   * @throws StaleVersion the stream has another version than the client requires
   * @throws WrongExpectedVersion other processes appended first {@link ATTEMPTS} times
   * @throws HistoryOfNewerRelease the stream holds an event that this release does not know
   * @throws the refusal of the rule, or an error of the log
   */
  execute<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    stream: StreamId,
    context: CommandContext,
    decide: Decide<State, Event>,
    requiredVersion?: RequiredVersion,
  ): Promise<CommandResult<State>> {
    const target = withName(stream);
    return this.#inQueue(target.name, () => this.#execute(fold, target, context, decide, requiredVersion));
  }

  /**
   * The state at the end of the stream, for readers. Events that this release does not know are left out.
   * @throws LogUnavailable
   */
  load<State, Event extends EventToAppend>(fold: Fold<State, Event>, stream: StreamId): Promise<Folded<State>> {
    return this.#states.load(fold, withName(stream));
  }

  /**
   * The state at the end of the stream, for decisions about another stream.
   * @throws HistoryOfNewerRelease the stream holds an event that this release does not know
   * @throws LogUnavailable
   */
  async loadForDecision<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    stream: StreamId,
  ): Promise<Folded<State>> {
    const target = withName(stream);
    const folded = await this.#states.load(fold, target);
    requireWhole(target.name, folded);
    return folded;
  }

  /** Drops the states of an erased tenant from memory. */
  forgetTenant(tenantId: string): void {
    this.#states.forgetTenant(tenantId);
  }

  async #execute<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    target: NamedStream,
    context: CommandContext,
    decide: Decide<State, Event>,
    requiredVersion?: RequiredVersion,
  ): Promise<CommandResult<State>> {
    if (context.mayRepeat) {
      const position = await this.#find(target.stream, context.commandId);
      if (position !== undefined) return { ...(await this.#states.load(fold, target)), position };
    }
    let folded = this.#states.cached<State>(target);
    let fresh = folded === undefined;
    for (let attempt = 1; ; attempt++) {
      folded = fresh || !folded ? await this.#states.load(fold, target) : folded;
      try {
        requireWhole(target.name, folded);
        // The rule decides before the version is compared: a resource that does not exist is 404 with any `If-Match`.
        const events = decide(folded.state);
        if (!hasRequiredVersion(folded.version, requiredVersion)) throw new StaleVersion();
        if (events.length > 0) return await this.#append(fold, target, context, folded, events);
        if (fresh) return { ...folded, position: undefined };
      } catch (error) {
        const conflict = error instanceof WrongExpectedVersion;
        if (conflict && attempt >= ATTEMPTS) throw error;
        if (!conflict && (fresh || isLogError(error))) throw error;
        if (conflict && attempt > 2) await sleep(backoff(attempt - 2, { firstMs: 1, maxMs: 20 }));
      }
      fresh = true;
    }
  }

  async #append<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    target: NamedStream,
    { commandId, actor, correlationId, causationId, accessId }: CommandContext,
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
      ...(accessId !== undefined && { accessId }),
    });
    const { position } = result;
    // The first execution may have decided on another state and stored other events than `events`.
    if (result.repeated) return { ...(await this.#states.load(fold, target)), position };
    const next = { ...foldOnto(fold, { ...folded, version: result.version - events.length }, events), commandId };
    this.#states.keep(target, next);
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

const LOG_ERRORS = new Set(['InvalidAppend', 'LogUnavailable', 'AppendOutcomeUnknown']);
const isLogError = (error: unknown): boolean => error instanceof Error && LOG_ERRORS.has(error.name);
