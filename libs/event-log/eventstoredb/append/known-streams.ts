import type { Position } from '../../port';

/** Where the last event of an append lies. */
export interface StoredCommand {
  readonly version: number;
  readonly position: Position;
  /** ms since 1970, by the server's clock. */
  readonly time: number;
}

/** What of an event is remembered. */
export interface Seen {
  readonly version: number;
  readonly position: Position;
  readonly commandId: string;
  readonly time: number;
}

/** An unbroken part of a stream, `from` (inclusive) to `to`, and every command that has events in it. */
export interface Known {
  readonly from: number;
  /** The time of the event at `from`: whatever lies before it is not younger. */
  readonly fromTime: number;
  readonly to: number;
  readonly commands: ReadonlyMap<string, StoredCommand>;
}

type Mutable = { from: number; fromTime: number; to: number; commands: Map<string, StoredCommand> };

/** Minutes by which the clocks of two machines may differ. */
const SKEW_MS = 5 * 60_000;

/**
 * What this process has read and written of the streams, most recently used last. Events never change, so it is never
 * wrong, at most incomplete. Bounded by the number of commands in it (about 200 bytes each).
 */
export class KnownStreams {
  readonly #streams = new Map<string, Mutable>();
  #commands = 0;

  constructor(
    private readonly maxCommands = 100_000,
    private readonly maxPerStream = 20_000,
  ) {}

  get(stream: string): Known | undefined {
    const known = this.#streams.get(stream);
    if (!known) return undefined;
    this.#streams.delete(stream);
    this.#streams.set(stream, known);
    return known;
  }

  /**
   * Notes what was read after a version: `events` are all there are from `after` + 1 on, without a gap.
   * @param whole false where the read ended by its limit, perhaps in the middle of an append
   */
  learn(stream: string, after: number, events: readonly Seen[], whole: boolean): void {
    let end = events.length;
    const lastCommand = events[end - 1]?.commandId;
    if (!whole) while (end > 0 && events[end - 1]?.commandId === lastCommand) end--;
    const to = events[end - 1]?.version ?? after;
    if (end === 0 && after > 0) return;
    const commands = new Map<string, StoredCommand>();
    for (let i = 0; i < end; i++) {
      const { commandId, version, position, time } = events[i] as Seen;
      commands.set(commandId, { version, position, time });
    }
    const fromTime = after === 0 ? Number.NEGATIVE_INFINITY : (events[0] as Seen).time;
    this.#add(stream, { from: after + 1, fromTime, to, commands });
  }

  clear(): void {
    this.#streams.clear();
    this.#commands = 0;
  }

  forget(stream: string): void {
    const known = this.#streams.get(stream);
    if (!known) return;
    this.#streams.delete(stream);
    this.#commands -= known.commands.size;
  }

  #add(stream: string, part: Mutable): void {
    const known = this.#streams.get(stream);
    const touching = known && part.from <= known.to + 1 && known.from <= part.to + 1;
    // Of two parts with a gap between them the newer one is of more use.
    if (known && !touching && known.to >= part.to) return;
    this.forget(stream);
    const merged = known && touching ? merge(known, part) : part;
    if (merged.commands.size > this.maxPerStream) trim(merged, this.maxPerStream >> 1);
    this.#streams.set(stream, merged);
    this.#commands += merged.commands.size;
    for (const oldest of this.#streams.keys()) {
      if (this.#commands <= this.maxCommands) break;
      this.forget(oldest);
    }
  }
}

/** Into the larger of the two, as most often one event is added to many. */
const merge = (known: Mutable, part: Mutable): Mutable => {
  const earlier = part.from < known.from ? part : known;
  const [into, other] = known.commands.size >= part.commands.size ? [known, part] : [part, known];
  for (const [id, stored] of other.commands) {
    const there = into.commands.get(id);
    if (!there || there.version < stored.version) into.commands.set(id, stored);
  }
  return { ...into, from: earlier.from, fromTime: earlier.fromTime, to: Math.max(known.to, part.to) };
};

const trim = (known: Mutable, keep: number): void => {
  const newest = [...known.commands].sort(([, a], [, b]) => a.version - b.version).slice(-keep);
  known.commands = new Map(newest);
  const oldest = newest[0]?.[1];
  if (oldest) [known.from, known.fromTime] = [oldest.version, oldest.time];
};

/** Whether an append of a command that was made at `born` (ms; undefined: unknown) would have to lie within what is known. */
export const reachesBack = (known: Known, born: number | undefined): boolean =>
  known.from === 1 || (born !== undefined && known.fromTime < born - SKEW_MS);
