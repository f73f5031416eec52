import type { StreamId } from '../stream-id';
import type { Folded } from './state-cache';

/**
 * Stores the states of long streams. A snapshot may be lost at any time; then the stream is read from its beginning.
 */
export interface Snapshots {
  /**
   * @returns undefined if there is no snapshot, if it has another fold version, if it does not name the command of its
   * last event, or if it cannot be read at present
   */
  load<State>(stream: StreamId, foldVersion: number): Promise<Folded<State> | undefined>;
  /** Saves in the background; a failure is ignored. */
  save<State>(stream: StreamId, foldVersion: number, folded: Folded<State>): void;
}

export const noSnapshots: Snapshots = { load: async () => undefined, save: () => {} };
