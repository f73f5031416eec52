import type { AllStreamRecordedEvent, RecordedEvent as RawEvent } from '@eventstore/db-client';
import { eventId } from '../event-id';
import type { Actor, Append, JsonObject, RecordedEvent } from '../port';
import { parseStreamName } from '../stream-id';
import { currentVersion, type Upcasters, unknownVersion, upcast } from '../upcasting';

/** As it is stored. The names with `$` are those that EventStoreDB's own tools follow. */
interface StoredMetadata {
  readonly $correlationId: string;
  readonly $causationId: string;
  readonly commandId: string;
  readonly ordinal: number;
  /** `user:<id>`, or the kind alone. */
  readonly actor: string;
  readonly schemaVersion: number;
}

export interface EncodedEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Buffer;
  readonly metadata: Buffer;
}

const actorText = (actor: Actor): string => (actor.kind === 'user' ? `user:${actor.id}` : actor.kind);

const actorOf = (text: string): Actor =>
  text.startsWith('user:')
    ? { kind: 'user', id: text.slice('user:'.length) }
    : { kind: text as Exclude<Actor['kind'], 'user'> };

/** The events of an append as the server takes them. `json` is the data, serialised already. */
export const encode = (append: Append, json: readonly string[], upcasters: Upcasters): EncodedEvent[] => {
  const { commandId, correlationId, causationId = commandId } = append;
  const actor = actorText(append.actor);
  return append.events.map(({ type }, ordinal) => {
    const metadata: StoredMetadata = {
      $correlationId: correlationId,
      $causationId: causationId,
      commandId,
      ordinal,
      actor,
      schemaVersion: currentVersion(upcasters, type),
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

const isOurs = (metadata: unknown): metadata is StoredMetadata =>
  typeof metadata === 'object' &&
  metadata !== null &&
  typeof (metadata as Partial<StoredMetadata>).commandId === 'string';

/**
 * The event as the port has it; undefined for what is not of this product: the server's own events (statistics,
 * metadata, tombstones, links) and other applications' streams.
 */
export const decode = (raw: Raw | undefined, upcasters: Upcasters): RecordedEvent | undefined => {
  if (!raw || raw.type.startsWith('$')) return undefined;
  const stream = parseStreamName(raw.streamId);
  const { metadata } = raw as { metadata: unknown };
  if (!stream || !isOurs(metadata)) return undefined;
  const { schemaVersion } = metadata;
  let data: JsonObject | undefined;
  return {
    id: raw.id,
    stream,
    version: Number(raw.revision) + 1,
    position: raw.position?.commit ?? 0n,
    type: raw.type,
    // Only for the reader who asks: what can't be upcast must not end the subscription of all others.
    get data() {
      data ??= upcast(upcasters, raw.type, schemaVersion, raw.data as JsonObject);
      return data;
    },
    undecodable: unknownVersion(upcasters, raw.type, schemaVersion),
    commandId: metadata.commandId,
    actor: actorOf(metadata.actor),
    correlationId: metadata.$correlationId,
    causationId: metadata.$causationId,
    schemaVersion: Math.max(schemaVersion, currentVersion(upcasters, raw.type)),
    recordedAt: raw.created,
  };
};
