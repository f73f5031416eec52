import { eventId } from '../event-id';
import type { Actor, JsonObject, Position, RecordedEvent } from '../port';
import type { StreamId } from '../stream-id';
import { currentVersion, type UnknownSchemaVersion, type Upcasters, unknownVersion, upcast } from '../upcasting';

const KINDS_WITH_ID = { u: 'user', o: 'operator' } as const;
const ACTORS_WITHOUT_ID = { s: { kind: 'stripe' }, y: { kind: 'system' } } as const;

/**
 * A row of the log as an event of the port. Each field is computed when it is read, because most readers use only four
 * fields.
 */
export abstract class StoredEvent implements RecordedEvent {
  #data: JsonObject | undefined;
  #stream: StreamId | undefined;
  readonly #upcasters: Upcasters;
  readonly #storedVersion: number;
  readonly type: string;

  /** @param storedVersion the schema version in which the data is stored */
  constructor(type: string, storedVersion: number, upcasters: Upcasters) {
    this.type = type;
    this.#storedVersion = storedVersion;
    this.#upcasters = upcasters;
  }

  abstract get position(): Position;
  abstract get recordedAt(): Date;
  abstract get commandId(): string;
  abstract get version(): number;
  abstract get accessId(): string | null;
  protected abstract readonly ordinal: number;
  protected abstract readonly json: string;
  protected abstract readonly actorKind: string;
  protected abstract readonly actorId: string | null;
  protected abstract readonly storedCausation: string | null;
  protected abstract readonly storedCorrelation: string | null;
  protected abstract streamId(): StreamId;

  get id(): string {
    return eventId(this.commandId, this.ordinal);
  }
  get stream(): StreamId {
    this.#stream ??= this.streamId();
    return this.#stream;
  }
  get actor(): Actor {
    const id = this.actorId;
    if (id === null) return ACTORS_WITHOUT_ID[this.actorKind as keyof typeof ACTORS_WITHOUT_ID];
    return { kind: KINDS_WITH_ID[this.actorKind as keyof typeof KINDS_WITH_ID], id };
  }
  get causationId(): string {
    return this.storedCausation ?? this.commandId;
  }
  get correlationId(): string {
    return this.storedCorrelation ?? this.commandId;
  }
  get schemaVersion(): number {
    return Math.max(this.#storedVersion, currentVersion(this.#upcasters, this.type));
  }
  get undecodable(): UnknownSchemaVersion | undefined {
    return unknownVersion(this.#upcasters, this.type, this.#storedVersion);
  }
  get data(): JsonObject {
    this.#data ??= upcast(this.#upcasters, this.type, this.#storedVersion, JSON.parse(this.json) as JsonObject);
    return this.#data;
  }
}
