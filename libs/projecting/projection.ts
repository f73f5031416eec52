import type { EventToAppend, RecordedEvent } from '#event-log/port';
import type { Tables, Writers } from './rows/tables';

/** A recorded event whose data is known by its type. */
export type Recorded<Event extends EventToAppend> = Omit<RecordedEvent, 'type' | 'data'> & Event;

type Handler<Event extends EventToAppend, T extends Tables> = (event: Recorded<Event>, rows: Writers<T>) => void;

/** A handler for each event of the union: a new event makes the compiler report each projection that has none for it. */
type Handlers<Event extends EventToAppend, T extends Tables> = {
  readonly [type in Event['type']]: Handler<Extract<Event, { type: type }>, T>;
};

/** Events by aggregate, or by part of an aggregate: `task`, `tenant.teams`. */
type EventGroups = { readonly [group: string]: EventToAppend };

/** `tenant.teams` can be named as it is, or by its aggregate, `tenant`. */
type NamesOf<Group> = Group extends `${infer Aggregate}.${string}` ? Aggregate | Group : Group;

type EventName<Groups extends EventGroups> = Groups[keyof Groups]['type'];

/** The events of all groups that are not left alone, without those that are left alone by name. */
type HandledEvent<Groups extends EventGroups, LeftAlone extends string> = {
  [group in keyof Groups]: [Extract<NamesOf<group>, LeftAlone>] extends [never]
    ? Exclude<Groups[group], { readonly type: LeftAlone }>
    : never;
}[keyof Groups];

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
  /** @throws UnknownSchemaVersion the event is of a newer release; or what the event's handler throws */
  readonly handle: (event: RecordedEvent, rows: Writers<Tables>) => void;
}

interface Definition<Event extends EventToAppend, T extends Tables>
  extends Pick<Projection, 'name' | 'version' | 'schema'> {
  readonly tables: T;
  readonly on: Handlers<Event, T>;
}

export const defineProjection = <Event extends EventToAppend, const T extends Tables = Tables>({
  on,
  ...rest
}: Definition<Event, T>): Projection => {
  const handlers = new Map(Object.entries(on) as [string, Handler<Event, T>][]);
  return {
    ...rest,
    types: [...handlers.keys()],
    handle: (event, rows) => {
      // Also where the handler would not look at the data: what the event means may have changed with its version.
      if (event.undecodable) throw event.undecodable;
      handlers.get(event.type)?.(event as unknown as Recorded<Event>, rows as unknown as Writers<T>);
    },
  };
};

/**
 * {@link defineProjection} for a product with many aggregates. `leavesAlone` names the aggregates, the parts of an
 * aggregate, or the single events that mean nothing to the read model; the compiler demands a handler for each other one.
 */
export const projectionsOf =
  <Groups extends EventGroups>() =>
  <const T extends Tables, const LeftAlone extends NamesOf<keyof Groups> | EventName<Groups>>({
    leavesAlone: _,
    ...definition
  }: Definition<HandledEvent<Groups, LeftAlone & string>, T> & {
    readonly leavesAlone: readonly LeftAlone[];
  }): Projection =>
    defineProjection<HandledEvent<Groups, LeftAlone & string>, T>(definition);

/** What has stopped together when an event is refused: its tenant, or its user where it has none. */
export const partitionOf = ({ stream }: RecordedEvent): string => stream.tenantId ?? stream.id;
