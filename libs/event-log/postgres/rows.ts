import { eventId } from '../event-id';
import type { EventMark, Position } from '../port';
import type { StreamId } from '../stream-id';
import type { Upcasters } from '../upcasting';
import { StoredEvent } from './stored-event';

/**
 * The columns in the order of {@link EventRow}. All are read as text, so that a field that no reader uses is not
 * parsed.
 */
export const COLUMNS = `position, (date_part('epoch', recorded_at) * 1000)::bigint as recorded_at, command_id,
  aggregate_id, tenant_id, actor_id, causation_id, version, ordinal, schema_version, actor_kind, aggregate, type,
  correlation_id, data, access_id`;

/** The fields of an event as text, in the order of {@link COLUMNS}. */
export type EventRow = (string | null)[];

export const positionOf = (row: EventRow): Position => BigInt(row[0] as string);
export const tenantOf = (row: EventRow): string | null => row[4] ?? null;
export const typeOf = (row: EventRow): string => row[12] as string;

export const markOfRow = (row: EventRow): EventMark => ({
  position: positionOf(row),
  eventId: eventId(row[2] as string, Number(row[8])),
  commandId: row[2] as string,
  tenantId: tenantOf(row),
});

/** Makes `pg` return every value as text. */
export const rawTypes = { getTypeParser: () => (value: string) => value };

/** An event whose fields were read as text. */
export class RowEvent extends StoredEvent {
  readonly #row: EventRow;

  constructor(row: EventRow, upcasters: Upcasters) {
    super(typeOf(row), Number(row[9]), upcasters);
    this.#row = row;
  }

  #text(column: number): string {
    return this.#row[column] as string;
  }

  get position(): Position {
    return positionOf(this.#row);
  }
  get recordedAt(): Date {
    return new Date(Number(this.#text(1)));
  }
  get commandId(): string {
    return this.#text(2);
  }
  get version(): number {
    return Number(this.#text(7));
  }
  protected get ordinal(): number {
    return Number(this.#text(8));
  }
  protected get json(): string {
    return this.#text(14);
  }
  protected get actorKind(): string {
    return this.#text(10);
  }
  protected get actorId(): string | null {
    return this.#row[5] ?? null;
  }
  protected get storedCausation(): string | null {
    return this.#row[6] ?? null;
  }
  protected get storedCorrelation(): string | null {
    return this.#row[13] ?? null;
  }
  get accessId(): string | null {
    return this.#row[15] ?? null;
  }
  protected streamId(): StreamId {
    return { tenantId: tenantOf(this.#row), aggregate: this.#text(11), id: this.#text(3) };
  }
}
