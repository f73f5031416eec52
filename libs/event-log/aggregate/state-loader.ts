import type { EventLog, EventToAppend, RecordedEvent } from '../port';
import { type StreamId, streamName, tenantPrefix } from '../stream-id';
import type { Fold } from './fold';
import { foldOnto } from './fold-onto';
import type { Snapshots } from './snapshots';
import { createStateCache, type Folded, type StateCache } from './state-cache';

/** A stream and its name. The name is built once for each command, because it is the key of every look-up. */
export interface NamedStream {
  readonly stream: StreamId;
  readonly name: string;
}

export const withName = (stream: StreamId): NamedStream => ({ stream, name: streamName(stream) });

export interface StateLoaderOptions {
  readonly log: EventLog;
  readonly snapshots: Snapshots;
  /** The maximum number of streams whose state is kept in memory. */
  readonly cached: number;
  /** A snapshot is saved when at least this many events were read after the last one. */
  readonly snapshotEvery: number;
}

/**
 * Loads the states of streams from the log, starting from a state in memory or from a snapshot. Such a state is used
 * only if the log still holds its last event: the stream may have been erased, or the log may have gone back to an
 * older copy.
 */
export class StateLoader {
  readonly #log: EventLog;
  readonly #snapshots: Snapshots;
  readonly #cache: StateCache;
  readonly #snapshotEvery: number;

  constructor({ log, snapshots, cached, snapshotEvery }: StateLoaderOptions) {
    this.#log = log;
    this.#snapshots = snapshots;
    this.#cache = createStateCache(cached);
    this.#snapshotEvery = snapshotEvery;
  }

  /** The state in memory, which may be behind the log or belong to an erased stream; undefined if there is none. */
  cached<State>({ name }: NamedStream): Folded<State> | undefined {
    return this.#cache.get<State>(name);
  }

  /** Keeps a state in memory that was just appended to the log. */
  keep({ name }: NamedStream, folded: Folded<unknown>): void {
    this.#cache.put(name, folded);
  }

  /** The state at the end of the stream. Events that this release does not know are left out. @throws LogUnavailable */
  async load<State, Event extends EventToAppend>(
    fold: Fold<State, Event>,
    { stream, name }: NamedStream,
  ): Promise<Folded<State>> {
    const earlier = this.#cache.get<State>(name) ?? (await this.#snapshot(fold, stream));
    const added = earlier && (await this.#readAfter(stream, earlier));
    if (earlier && !added) this.#cache.drop(name);
    const base = earlier && added ? earlier : { version: 0, state: fold.initial };
    const events = added ?? (await this.#log.readStream(stream));
    const commandId = events.at(-1)?.commandId ?? base.commandId;
    const folded = { ...foldOnto(fold, base, events as unknown as readonly Event[]), commandId };
    this.#cache.put(name, folded);
    // The newer release would believe that the events which were left out here had never happened.
    if (events.length >= this.#snapshotEvery && !folded.unknown) this.#snapshots.save(stream, fold.foldVersion, folded);
    return folded;
  }

  /**
   * Drops the states of a tenant from memory. A command in progress may put one of them back; {@link load} checks each
   * state against the log before it uses it.
   */
  forgetTenant(tenantId: string): void {
    this.#cache.dropAll(tenantPrefix(tenantId));
  }

  async #snapshot<State, Event extends EventToAppend>(
    { foldVersion, isState = isAny }: Fold<State, Event>,
    stream: StreamId,
  ): Promise<Folded<State> | undefined> {
    const snapshot = await this.#snapshots.load<State>(stream, foldVersion);
    return snapshot && isState(snapshot.state) ? snapshot : undefined;
  }

  /**
   * The events after a state. The event at the state's own version is read with them, as the proof that the state
   * belongs to this stream and this history: an erased stream has no event after any version, and a log that went back
   * to an older copy may have another event at that version.
   * @returns undefined if the log does not hold the state's last event
   */
  async #readAfter(
    stream: StreamId,
    { version, commandId }: Folded<unknown>,
  ): Promise<readonly RecordedEvent[] | undefined> {
    if (version === 0) return undefined;
    const [known, ...added] = await this.#log.readStream(stream, { afterVersion: version - 1 });
    return known?.version === version && known.commandId === commandId ? added : undefined;
  }
}

const isAny = <State>(_value: unknown): _value is State => true;
