import { eventId } from '../event-id';
import type { Actor, JsonObject, Position, RecordedEvent } from '../port';
import type { StreamId } from '../stream-id';
import { currentVersion, type Upcasters, upcast } from '../upcasting';

/** In the order of {@link StoredEvent}'s row; all as text, so that what nobody asks for is never parsed. */
export const COLUMNS = `position, (extract(epoch from recorded_at) * 1000)::bigint as recorded_at, command_id,
  aggregate_id, tenant_id, actor_id, causation_id, version, ordinal, schema_version, actor_kind, aggregate, type,
  correlation_id, data`;

export type EventRow = (string | null)[];

export const positionOf = (row: EventRow): Position => BigInt(row[0] as string);
export const tenantOf = (row: EventRow): string | null => row[4] ?? null;
export const typeOf = (row: EventRow): string => row[12] as string;

export const rawTypes = { getTypeParser: () => (value: string) => value };

const ACTORS = { o: { kind: 'operator' }, s: { kind: 'stripe' }, y: { kind: 'system' } } as const;

/** A row of the log as the port shows it. Fields are made when they are asked for: most readers want four of them. */
export class StoredEvent implements RecordedEvent {
  #data: JsonObject | undefined;
  #stream: StreamId | undefined;
  readonly #row: EventRow;
  readonly #upcasters: Upcasters;
  readonly type: string;

  constructor(row: EventRow, upcasters: Upcasters) {
    this.#row = row;
    this.#upcasters = upcasters;
    this.type = row[12] as string;
    // Told when it is read and not when somebody looks at the data.
    if (Number(row[9]) > currentVersion(upcasters, this.type)) void this.data;
  }

  #text(column: number): string {
    return this.#row[column] as string;
  }

  get position(): Position {
    return BigInt(this.#text(0));
  }
  get recordedAt(): Date {
    return new Date(Number(this.#text(1)));
  }
  get commandId(): string {
    return this.#text(2);
  }
  get id(): string {
    return eventId(this.#text(2), Number(this.#text(8)));
  }
  get stream(): StreamId {
    this.#stream ??= { tenantId: this.#row[4] ?? null, aggregate: this.#text(11), id: this.#text(3) };
    return this.#stream;
  }
  get actor(): Actor {
    const kind = this.#text(10);
    return kind === 'p' ? { kind: 'person', id: this.#text(5) } : ACTORS[kind as keyof typeof ACTORS];
  }
  get causationId(): string {
    return this.#row[6] ?? this.commandId;
  }
  get correlationId(): string {
    return this.#row[13] ?? this.commandId;
  }
  get version(): number {
    return Number(this.#text(7));
  }
  get schemaVersion(): number {
    return currentVersion(this.#upcasters, this.type);
  }
  get data(): JsonObject {
    this.#data ??= upcast(this.#upcasters, this.type, Number(this.#text(9)), JSON.parse(this.#text(14)) as JsonObject);
    return this.#data;
  }
}
