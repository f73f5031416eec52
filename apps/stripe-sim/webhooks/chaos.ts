/** The faults of webhook deliveries. */
export interface Chaos {
  /** Share of the events that are sent twice, 0 to 1. */
  readonly duplicate: number;
  /** Share of the events that are not sent, 0 to 1. */
  readonly drop: number;
  /** Maximum delay in ms; each delivery has a random delay below it. */
  readonly delayMs: number;
  /** Number of events that are shuffled together; 0 or 1: none. */
  readonly reorder: number;
}

export const NO_CHAOS: Chaos = { duplicate: 0, drop: 0, delayMs: 0, reorder: 0 };

/** The faults of one event. */
export interface EventFaults {
  readonly dropped: boolean;
  /** ms to wait before each delivery. */
  readonly delays: readonly number[];
  /** 0 to 1: gives the order of the events that are shuffled together. */
  readonly rank: number;
}

/** Pseudo-random numbers from 0 to 1, always the same for the same seed (mulberry32, by Tommy Ettinger). */
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
 * The faults of an event, calculated only from the seed and the number of the event. With one generator for all events,
 * the faults would depend on the order in which they are sent, and so on timing.
 */
export const faultsOf = (seed: number, sequence: number, { duplicate, drop, delayMs }: Chaos): EventFaults => {
  // The multiplication by the golden ratio gives consecutive numbers very different seeds.
  const random = randomOf(seed ^ Math.imul(sequence, 0x9e3779b1));
  const [dropped, twice, rank] = [random() < drop, random() < duplicate, random()];
  return { dropped, rank, delays: Array.from({ length: twice ? 2 : 1 }, () => Math.floor(random() * delayMs)) };
};
