import { performance } from 'node:perf_hooks';
import type { Pace } from './options';

/** The result of one turn of load. */
export interface Load {
  readonly perSecond: number;
  /** ms of each operation that ended in the measured time. */
  readonly latencies: readonly number[];
}

/** Keeps `inFlight` operations running, and counts those that end within the measured time. */
export const closedLoop = async (
  operation: () => Promise<unknown>,
  inFlight: number,
  { seconds, warmUp }: Pick<Pace, 'seconds' | 'warmUp'>,
): Promise<Load> => {
  const begin = performance.now() + warmUp * 1_000;
  const end = begin + seconds * 1_000;
  const latencies: number[] = [];
  const worker = async (): Promise<void> => {
    for (let started = performance.now(); started < end; ) {
      await operation();
      const now = performance.now();
      if (now >= begin && now < end) latencies.push(now - started);
      started = now;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { perSecond: latencies.length / seconds, latencies };
};

/**
 * A competitor of a row. It is opened and closed for each turn, so that its idle connections do not slow down others.
 */
export interface Contender {
  open(): Promise<{ readonly operation: () => Promise<unknown>; close(): Promise<unknown> }>;
}

/** Measures one turn of a contender. */
export const turn = async (contender: Contender, inFlight: number, pace: Pace): Promise<Load> => {
  const { operation, close } = await contender.open();
  try {
    return await closedLoop(operation, inFlight, pace);
  } finally {
    await close();
  }
};

/**
 * Measures rounds in which each contender has a turn, in alternating order (A B, B A, A B …), so that a machine that
 * becomes slower or faster affects all of them equally.
 */
export const inRounds = async <const Name extends string, T>(
  rounds: number,
  turns: { readonly [name in Name]: () => Promise<T> },
): Promise<Record<Name, T[]>> => {
  const names = Object.keys(turns) as Name[];
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as Record<Name, T[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) results[name].push(await turns[name]());
  }
  return results;
};
