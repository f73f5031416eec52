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

/** Numbers from 0 to 1 that follow from a seed: the same ones each time (mulberry32, by Tommy Ettinger). */
export const randomOf = (seed: number): (() => number) => {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/** In another order, by such numbers (Fisher and Yates). */
export const shuffled = <T>(items: readonly T[], random: () => number): T[] => {
  const all = [...items];
  for (let at = all.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [all[at], all[other]] = [all[other] as T, all[at] as T];
  }
  return all;
};
