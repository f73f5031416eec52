import type { EventToAppend, RecordedEvent } from '../event-log/port';
import type { Tables, Writers } from './tables';

/** A recorded event whose data is known by its type. */
export type Recorded<Event extends EventToAppend> = Omit<RecordedEvent, 'type' | 'data'> & Event;

type Handler<Event extends EventToAppend, T extends Tables> = (event: Recorded<Event>, rows: Writers<T>) => void;

/** One entry for each type of the union, so that a new event makes the compiler list every projection that must choose. */
export type Handlers<Event extends EventToAppend, T extends Tables> = {
  readonly [type in Event['type']]: Handler<Extract<Event, { type: type }>, T> | 'ignored';
};

/**
 * A fold from events to keyed rows. Handlers say what rows become, never SQL, and know nothing but their event: the
 * same code runs live, in batches, and in a rebuild.
 */
export interface Projection {
  /** Lower-case words with hyphens; a storage contract. */
  readonly name: string;
  /** Raised when handlers or tables change: the read model is rebuilt beside the old one. */
  readonly version: number;
  /** Absolute path of the SQL that makes its tables, unqualified; `readSchema` splits it into parts. */
  readonly schema: string;
  readonly tables: Tables;
  /** The event types that it handles. */
  readonly types: readonly string[];
  /** The event types that its release knows: those that it handles, and those that it leaves alone. */
  readonly known: readonly string[];
  /** @throws UnknownSchemaVersion the event is of a newer release; or what the event's handler throws */
  readonly handle: (event: RecordedEvent, rows: Writers<Tables>) => void;
}

export const defineProjection = <Event extends EventToAppend, const T extends Tables = Tables>(definition: {
  readonly name: string;
  readonly version: number;
  readonly schema: string;
  readonly tables: T;
  readonly on: Handlers<Event, T>;
}): Projection => {
  const { on, ...rest } = definition;
  const handlers = new Map(
    Object.entries(on).filter((entry): entry is [string, Handler<Event, T>] => entry[1] !== 'ignored'),
  );
  return {
    ...rest,
    types: [...handlers.keys()],
    known: Object.keys(on),
    handle: (event, rows) => {
      // Also where the handler would not look at the data: what the event means may have changed with its version.
      if (event.undecodable) throw event.undecodable;
      handlers.get(event.type)?.(event as unknown as Recorded<Event>, rows as unknown as Writers<T>);
    },
  };
};

/** What has stopped together when an event is refused: its tenant, or its person where it has none. */
export const laneOf = ({ stream }: RecordedEvent): string => stream.tenantId ?? stream.id;
