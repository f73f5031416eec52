import type { EventToAppend, RecordedEvent } from '#event-log/port';
import type { Recorded } from '#projecting/projection';

/**
 * A subscription that answers events with commands. It receives each event of its types at least once, those of one
 * partition in the order of the log; after a crash, or while two workers overlap for a moment, it may receive an event
 * again. So a repeated answer must have no further effect: each command has an id that is derived from the event and
 * the target (`answerTo`).
 */
export interface Reaction {
  /** Lower-case words with hyphens; a storage contract. */
  readonly name: string;
  /** The event types that it answers. */
  readonly types: readonly string[];
  /**
   * Answers an event.
   * @param signal aborts when the worker stops or has lost its lease; long work must then stop
   * @throws NotYet, or an error that a dependency is not available: the event is tried again until it is answered
   * @throws Error anything else: the event is tried again a limited number of times and then parked
   */
  react(event: RecordedEvent, signal: AbortSignal): Promise<void>;
}

/**
 * Something that the reaction needs is not there yet, and the event is not the cause. The event is tried again until it
 * is answered.
 */
export class DependencyNotReady extends Error {
  override readonly name = 'NotYet';
}

/** The handlers of a reaction, for some or all event types of the union. */
export type Answers<Event extends EventToAppend> = {
  readonly [type in Event['type']]?: (
    event: Recorded<Extract<Event, { type: type }>>,
    signal: AbortSignal,
  ) => Promise<void>;
};

export const defineReaction = <Event extends EventToAppend>(name: string, on: Answers<Event>): Reaction => {
  const answers = new Map(Object.entries(on) as [string, Reaction['react']][]);
  return {
    name,
    types: [...answers.keys()],
    react: async (event, signal) => answers.get(event.type)?.(event, signal),
  };
};
