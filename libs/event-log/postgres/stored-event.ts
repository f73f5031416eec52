import { eventId } from '../event-id';
import type { Actor, JsonObject, Position, RecordedEvent } from '../port';
import type { StreamId } from '../stream-id';
import { currentVersion, type UnknownSchemaVersion, type Upcasters, unknownVersion, upcast } from '../upcasting';

const ACTORS = { o: { kind: 'operator' }, s: { kind: 'stripe' }, y: { kind: 'system' } } as const;

/** A row of the log as the port shows it. Fields are made when they are asked for: most readers want four of them. */
export abstract class StoredEvent implements RecordedEvent {
  #data: JsonObject | undefined;
  #stream: StreamId | undefined;
  readonly #upcasters: Upcasters;
  readonly #storedIn: number;
  readonly type: string;

  /** @param storedIn the schema version in which it is stored */
  constructor(type: string, storedIn: number, upcasters: Upcasters) {
    this.type = type;
    this.#storedIn = storedIn;
    this.#upcasters = upcasters;
  }

  abstract get position(): Position;
  abstract get recordedAt(): Date;
  abstract get commandId(): string;
  abstract get version(): number;
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
    const kind = this.actorKind;
    return kind === 'u' ? { kind: 'user', id: this.actorId as string } : ACTORS[kind as keyof typeof ACTORS];
  }
  get causationId(): string {
    return this.storedCausation ?? this.commandId;
  }
  get correlationId(): string {
    return this.storedCorrelation ?? this.commandId;
  }
  get schemaVersion(): number {
    return Math.max(this.#storedIn, currentVersion(this.#upcasters, this.type));
  }
  get undecodable(): UnknownSchemaVersion | undefined {
    return unknownVersion(this.#upcasters, this.type, this.#storedIn);
  }
  get data(): JsonObject {
    this.#data ??= upcast(this.#upcasters, this.type, this.#storedIn, JSON.parse(this.json) as JsonObject);
    return this.#data;
  }
}
