import type { EventToAppend, RecordedEvent } from '#event-log/port';
import type { Recorded } from '#projecting/projection';

/**
 * What the product does by itself because something happened. It receives each event of its types in the order of the log, at
 * least once: after a crash, or where two workers overlap for a moment, again. So whatever it does has the effect of once:
 * a command that it sends has an id made of the event's and the target's ({@link answerTo}).
 */
export interface Reaction {
  /** Lower-case words with hyphens; a storage contract. */
  readonly name: string;
  /** The event types that it answers. */
  readonly types: readonly string[];
  /**
   * @param signal aborts where the worker is to stop, or lost its turn to another: long work must stop then
   * @throws NotYet, or what its dependencies throw when they are not available: it is tried again until they are back
   * @throws anything else: it is tried again some times, then the event is parked
   */
  react(event: RecordedEvent, signal: AbortSignal): Promise<void>;
}

/** What the reaction needs is not there yet, through no fault of the event: it is waited for. */
export class NotYet extends Error {
  override readonly name = 'NotYet';
}

/** Answers for those types of the union that the reaction has one for. */
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
