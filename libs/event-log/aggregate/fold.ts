import type { EventToAppend } from '../port';

/**
 * How an aggregate's state comes from its events. The rules (`decide`) are plain functions beside it.
 * After Jérémie Chassaing's "functional event sourcing decider".
 */
export interface Fold<State, Event extends EventToAppend> {
  /** The aggregate's word in stream names. */
  readonly aggregate: string;
  /** Raised whenever `evolve` or the shape of `State` changes: snapshots of another version are ignored. */
  readonly foldVersion: number;
  readonly initial: State;
  /** @param version of the stream with this event: what parts of the state carry as theirs when it changes them */
  readonly evolve: (state: State, event: Event, version: number) => State;
  /** Whether data from a snapshot is a state; one that is not is folded from the events. All data is, by default. */
  readonly isState?: (value: unknown) => value is State;
}

export type { CommandContext } from '#domain/command';
