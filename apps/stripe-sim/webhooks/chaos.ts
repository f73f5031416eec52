/** What is done to deliveries. */
export interface Chaos {
  /** Shares of the events, 0 to 1. */
  readonly duplicate: number;
  readonly drop: number;
  /** ms at most, at random. */
  readonly delayMs: number;
  /** Events that are shuffled together; 0 or 1: none. */
  readonly reorder: number;
}

export const NO_CHAOS: Chaos = { duplicate: 0, drop: 0, delayMs: 0, reorder: 0 };

/** What becomes of one event. */
export interface Fate {
  readonly dropped: boolean;
  /** ms to wait before each delivery. */
  readonly delays: readonly number[];
  /** 0 to 1: its place among those that it is shuffled with. */
  readonly rank: number;
}

/** Numbers from 0 to 1 that follow from a seed: the same ones each time (mulberry32, by Tommy Ettinger). */
const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/**
 * Follows from the seed and the event's number alone: draws shared by all events would fall to whichever is sent first, and
 * that is a matter of time.
 */
export const fateOf = (seed: number, sequence: number, { duplicate, drop, delayMs }: Chaos): Fate => {
  // Spread by the golden ratio: neighbours begin far from each other.
  const random = randomOf(seed ^ Math.imul(sequence, 0x9e3779b1));
  const [dropped, twice, rank] = [random() < drop, random() < duplicate, random()];
  return { dropped, rank, delays: Array.from({ length: twice ? 2 : 1 }, () => Math.floor(random() * delayMs)) };
};
