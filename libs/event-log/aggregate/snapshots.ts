import type { StreamId } from '../stream-id';
import type { Folded } from './state-cache';

/** Folded states of long streams. Disposable: losing one costs a longer read. */
export interface Snapshots {
  /** Undefined where there is none, it is of another fold version, it does not name its event, or it can't be had now. */
  load<State>(stream: StreamId, foldVersion: number): Promise<Folded<State> | undefined>;
  /** In the background; a failure is of no consequence. */
  save<State>(stream: StreamId, foldVersion: number, folded: Folded<State>): void;
}

export const noSnapshots: Snapshots = { load: async () => undefined, save: () => {} };
