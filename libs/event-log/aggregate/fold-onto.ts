import { UnknownEvent } from '#domain/unknown-event';
import type { EventToAppend, RecordedEvent } from '../port';
import { UnknownSchemaVersion } from '../upcasting';
import type { Fold } from './fold';
import type { Folded, UnknownFact } from './state-cache';

/**
 * A command was refused because its rule would decide on a stream that holds an event of a newer release. Nothing was
 * written. A process that runs the newer release can execute the command.
 */
export class HistoryOfNewerRelease extends Error {
  override readonly name = 'HistoryOfNewerRelease';
  constructor(
    readonly stream: string,
    { type, version }: UnknownFact,
  ) {
    super(
      `${stream} holds ${type} at version ${version}, which this release does not know; run the release that wrote it`,
    );
  }
}

/**
 * Applies more events to a state. An event of a newer release is left out, and the result names it in `unknown`:
 * readers may use the state, and later removals still take effect, but no rule may decide on it. After such an event,
 * an event that this release knows may not fit the state either; if it cannot be folded, it is left out, too.
 */
export const foldOnto = <State, Event extends EventToAppend>(
  fold: Fold<State, Event>,
  base: Folded<State>,
  events: readonly Event[],
): Folded<State> => {
  let { version, state, unknown } = base;
  for (const event of events) {
    version += 1;
    try {
      const { undecodable } = event as Event & Pick<RecordedEvent, 'undecodable'>;
      if (undecodable) throw undecodable;
      state = fold.evolve(state, event, version);
    } catch (error) {
      if (!unknown && !isOfNewerRelease(error)) throw error;
      unknown ??= { type: event.type, version };
    }
  }
  return { version, state, ...(unknown && { unknown }) };
};

const isOfNewerRelease = (error: unknown): boolean =>
  error instanceof UnknownEvent || error instanceof UnknownSchemaVersion;
