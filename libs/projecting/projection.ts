import type { EventToAppend, RecordedEvent } from '#event-log/port';
import type { Tables, Writers } from './rows/tables';

/** A recorded event whose data is known by its type. */
export type Recorded<Event extends EventToAppend> = Omit<RecordedEvent, 'type' | 'data'> & Event;

type Handler<Event extends EventToAppend, T extends Tables> = (event: Recorded<Event>, rows: Writers<T>) => void;

/**
 * One handler for each event of the union. After a new event is added, the compiler reports each projection without a
 * handler for it.
 */
type Handlers<Event extends EventToAppend, T extends Tables> = {
  readonly [type in Event['type']]: Handler<Extract<Event, { type: type }>, T>;
};

/** The events by aggregate or by part of an aggregate, such as `task` or `tenant.teams`. */
type EventGroups = { readonly [group: string]: EventToAppend };

/** The names of a group: `tenant.teams` has its own name and that of its aggregate, `tenant`. */
type NamesOf<Group> = Group extends `${infer Aggregate}.${string}` ? Aggregate | Group : Group;

type EventName<Groups extends EventGroups> = Groups[keyof Groups]['type'];

/** The events that a projection must handle: neither their group nor their own name is in `leavesAlone`. */
type HandledEvent<Groups extends EventGroups, LeftAlone extends string> = {
  [group in keyof Groups]: [Extract<NamesOf<group>, LeftAlone>] extends [never]
    ? Exclude<Groups[group], { readonly type: LeftAlone }>
    : never;
}[keyof Groups];

/**
 * A fold from events to rows with keys. A handler receives one event and describes how rows change; it contains no SQL
 * and reads nothing else. So the same code runs on single new events, in batches and in a rebuild.
 */
export interface Projection {
  /** Lower-case words with hyphens; a storage contract. */
  readonly name: string;
  /** Raise it when handlers or tables change: a new read model is then built beside the old one. */
  readonly version: number;
  /**
   * Absolute path of the SQL file that creates the tables, without a schema name; `readSchema` splits it into parts.
   */
  readonly schema: string;
  readonly tables: Tables;
  /** The event types that it handles. */
  readonly types: readonly string[];
  /**
   * @throws UnknownSchemaVersion a newer release wrote the event
   * @throws Error whatever the handler of the event throws
   */
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
      // This also applies to handlers that do not read the data: a new schema version may change what the event means.
      if (event.undecodable) throw event.undecodable;
      handlers.get(event.type)?.(event as unknown as Recorded<Event>, rows as unknown as Writers<T>);
    },
  };
};

/**
 * {@link defineProjection} for a product with many aggregates. `leavesAlone` lists the aggregates, parts of aggregates
 * and single events that the read model ignores; the compiler demands a handler for every other event.
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

/**
 * The partition that is parked when the event is refused: the id of its tenant, or of its stream for an event outside
 * tenants.
 */
export const partitionOf = ({ stream }: RecordedEvent): string => stream.tenantId ?? stream.id;
