import type { EventToAppend } from '../port';

/**
 * Computes the state of an aggregate from its events. The rules (`decide`) are separate functions. Based on Jérémie
 * Chassaing's "functional event sourcing decider".
 */
export interface Fold<State, Event extends EventToAppend> {
  /** The name of the aggregate in stream names. */
  readonly aggregate: string;
  /** Raised whenever `evolve` or the shape of `State` changes: snapshots of another version are ignored. */
  readonly foldVersion: number;
  readonly initial: State;
  /** @param version the version of the event; a part of the state may store it as the version of its last change */
  readonly evolve: (state: State, event: Event, version: number) => State;
  /**
   * Whether data from a snapshot has the shape of a state. If not, the snapshot is ignored and the events are folded.
   * By default all data is accepted.
   */
  readonly isState?: (value: unknown) => value is State;
}

export type { CommandContext } from '#domain/command';
