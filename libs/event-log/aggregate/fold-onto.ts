import { UnknownEvent } from '#domain/unknown-event';
import type { EventToAppend, RecordedEvent } from '../port';
import { UnknownSchemaVersion } from '../upcasting';
import type { Fold } from './fold';
import type { Folded, UnknownFact } from './state-cache';

/**
 * A command was refused because the history that it would be decided on holds an event of a newer release. Nothing was
 * written. It can be decided where that release runs.
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
 * What more events make of a state. An event of a newer release is left out, and the result says so: it may be read, and
 * removals that come later still take effect, but no rule may decide on it. Behind such an event the history may make no
 * sense to this release: an event that can't be folded there is left out, too.
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
