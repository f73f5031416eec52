import type { AllStreamRecordedEvent, RecordedEvent as RawEvent } from '@eventstore/db-client';
import { eventId } from '../event-id';
import type { Actor, Append, JsonObject, RecordedEvent } from '../port';
import { parseStreamName } from '../stream-id';
import { currentVersion, type Upcasters, unknownVersion, upcast } from '../upcasting';

/** The stored form of the metadata. EventStoreDB's own tools interpret the names with `$`. */
interface StoredMetadata {
  readonly $correlationId: string;
  readonly $causationId: string;
  readonly commandId: string;
  readonly ordinal: number;
  /** `user:<id>` or `operator:<id>`; only the kind of an actor without an id. */
  readonly actor: string;
  readonly schemaVersion: number;
  /** Left out if it is not known. */
  readonly accessId?: string;
}

export interface EncodedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Buffer;
  readonly metadata: Buffer;
}

const actorText = (actor: Actor): string => ('id' in actor ? `${actor.kind}:${actor.id}` : actor.kind);

const actorOf = (text: string): Actor => {
  const [kind, id] = text.split(':', 2);
  return { kind, ...(id !== undefined && { id }) } as Actor;
};

/** Encodes the events of an append for the server. @param json the serialised data of each event */
export const encode = (append: Append, json: readonly string[], upcasters: Upcasters): EncodedEvent[] => {
  const { commandId, correlationId, causationId = commandId, accessId } = append;
  const actor = actorText(append.actor);
  return append.events.map(({ type }, ordinal) => {
    const metadata: StoredMetadata = {
      $correlationId: correlationId,
      $causationId: causationId,
      commandId,
      ordinal,
      actor,
      schemaVersion: currentVersion(upcasters, type),
      ...(accessId !== undefined && { accessId }),
    };
    return {
      id: eventId(commandId, ordinal),
      type,
      data: Buffer.from(json[ordinal] as string),
      metadata: Buffer.from(JSON.stringify(metadata)),
    };
  });
};

type Raw = Pick<
  RawEvent | AllStreamRecordedEvent,
  'streamId' | 'type' | 'id' | 'revision' | 'data' | 'metadata' | 'created' | 'position'
>;

const isStoredMetadata = (metadata: unknown): metadata is StoredMetadata =>
  typeof metadata === 'object' &&
  metadata !== null &&
  typeof (metadata as Partial<StoredMetadata>).commandId === 'string';

/**
 * Decodes an event of this product.
 * @returns undefined for the server's own events (statistics, metadata, tombstones, links) and for events of other
 * applications
 */
export const decode = (raw: Raw | undefined, upcasters: Upcasters): RecordedEvent | undefined => {
  if (!raw || raw.type.startsWith('$')) return undefined;
  const stream = parseStreamName(raw.streamId);
  const { metadata } = raw as { metadata: unknown };
  if (!stream || !isStoredMetadata(metadata)) return undefined;
  const { schemaVersion } = metadata;
  let data: JsonObject | undefined;
  return {
    id: raw.id,
    stream,
    version: Number(raw.revision) + 1,
    position: raw.position?.commit ?? 0n,
    type: raw.type,
    // Upcast when the data is read: an event that cannot be upcast must not end the subscription.
    get data() {
      data ??= upcast(upcasters, raw.type, schemaVersion, raw.data as JsonObject);
      return data;
    },
    undecodable: unknownVersion(upcasters, raw.type, schemaVersion),
    commandId: metadata.commandId,
    actor: actorOf(metadata.actor),
    correlationId: metadata.$correlationId,
    causationId: metadata.$causationId,
    accessId: metadata.accessId ?? null,
    schemaVersion: Math.max(schemaVersion, currentVersion(upcasters, raw.type)),
    recordedAt: raw.created,
  };
};
