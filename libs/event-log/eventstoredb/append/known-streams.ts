import type { Position } from '../../port';

/** The place of the last event of an append. */
export interface StoredCommand {
  readonly version: number;
  readonly position: Position;
  /** ms since 1970, by the clock of the server. */
  readonly time: number;
}

/** The fields of an event that are remembered. */
export interface SeenEvent {
  readonly version: number;
  readonly position: Position;
  readonly commandId: string;
  readonly time: number;
}

/** A part of a stream without a gap, from `from` to `to` (both inclusive), and every command with events in it. */
export interface KnownPart {
  readonly from: number;
  /** The time of the event at `from` (ms since 1970). Events before it are not newer. -Infinity if `from` is 1. */
  readonly fromTime: number;
  readonly to: number;
  readonly commands: ReadonlyMap<string, StoredCommand>;
}

type MutablePart = { from: number; fromTime: number; to: number; commands: Map<string, StoredCommand> };

/** ms by which the clocks of two machines may differ. */
const SKEW_MS = 5 * 60_000;

/**
 * The parts of the streams that this process has read or written, the most recently used stream last. Events never
 * change, so this knowledge may be incomplete but is never wrong. Its size is limited by the number of commands in it
 * (about 200 bytes each).
 */
export class KnownStreams {
  readonly #streams = new Map<string, MutablePart>();
  #commands = 0;

  constructor(
    private readonly maxCommands = 100_000,
    private readonly maxPerStream = 20_000,
  ) {}

  get(stream: string): KnownPart | undefined {
    const known = this.#streams.get(stream);
    if (!known) return undefined;
    this.#streams.delete(stream);
    this.#streams.set(stream, known);
    return known;
  }

  /**
   * Adds events that were read or written.
   * @param events the events from version `after` + 1 on, without a gap
   * @param whole false if the read ended at its limit, possibly in the middle of an append
   */
  learn(stream: string, after: number, events: readonly SeenEvent[], whole: boolean): void {
    let end = events.length;
    const lastCommand = events[end - 1]?.commandId;
    if (!whole) while (end > 0 && events[end - 1]?.commandId === lastCommand) end--;
    const to = events[end - 1]?.version ?? after;
    if (end === 0 && after > 0) return;
    const commands = new Map<string, StoredCommand>();
    for (let i = 0; i < end; i++) {
      const { commandId, version, position, time } = events[i] as SeenEvent;
      commands.set(commandId, { version, position, time });
    }
    const fromTime = after === 0 ? Number.NEGATIVE_INFINITY : (events[0] as SeenEvent).time;
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

  #add(stream: string, part: MutablePart): void {
    const known = this.#streams.get(stream);
    const touching = known && part.from <= known.to + 1 && known.from <= part.to + 1;
    // If there is a gap between two parts, the newer one is more useful.
    if (known && !touching && known.to >= part.to) return;
    this.forget(stream);
    const merged = known && touching ? merge(known, part) : part;
    if (merged.commands.size > this.maxPerStream) keepNewest(merged, this.maxPerStream >> 1);
    this.#streams.set(stream, merged);
    this.#commands += merged.commands.size;
    for (const oldest of this.#streams.keys()) {
      if (this.#commands <= this.maxCommands) break;
      this.forget(oldest);
    }
  }
}

/** Merges the smaller part into the larger one, because usually one event is added to many. */
const merge = (known: MutablePart, part: MutablePart): MutablePart => {
  const earlier = part.from < known.from ? part : known;
  const [into, other] = known.commands.size >= part.commands.size ? [known, part] : [part, known];
  for (const [id, stored] of other.commands) {
    const there = into.commands.get(id);
    if (!there || there.version < stored.version) into.commands.set(id, stored);
  }
  return { ...into, from: earlier.from, fromTime: earlier.fromTime, to: Math.max(known.to, part.to) };
};

const keepNewest = (known: MutablePart, keep: number): void => {
  const newest = [...known.commands].sort(([, a], [, b]) => a.version - b.version).slice(-keep);
  known.commands = new Map(newest);
  const oldest = newest[0]?.[1];
  if (oldest) [known.from, known.fromTime] = [oldest.version, oldest.time];
};

/**
 * Whether every event that could belong to a command is in the known part or after it.
 * @param createdAt when the command was created (ms since 1970); undefined if that is not known
 */
export const coversCommand = (known: KnownPart, createdAt: number | undefined): boolean =>
  known.from === 1 || (createdAt !== undefined && known.fromTime < createdAt - SKEW_MS);
