import type { Actor } from '#domain/command';
import type { JsonObject, JsonValue } from '../json';
import type { StreamId } from '../stream-id';
import type { UnknownSchemaVersion } from '../upcasting';

/** The place of an event in the log. Opaque and totally ordered within one log. Gaps are normal. */
export type Position = bigint;
/** The position before every event. */
export const START: Position = 0n;

export type { Actor, JsonObject, JsonValue };

/**
 * Identifies one event. A position alone does not: when a log goes back to an older copy (a restore, or a failover to a
 * replica that was behind), the positions of the lost events are assigned again to other events.
 */
export interface EventMark {
  readonly position: Position;
  readonly eventId: string;
  readonly commandId: string;
  /**
   * Null for an event outside tenants. When a tenant was erased, its events are missing without any fault of the log.
   */
  readonly tenantId: string | null;
}

/** Identifies the log and its history. */
export interface LogIdentity {
  /** UUID, generated once, when the log is created. A restored copy has the id of its original. */
  readonly logId: string;
  /** 1 at first. A process that detects that the log went back to an older copy raises it by 1. */
  readonly epoch: number;
}

/** An event as it was stored, with the places at which it lies in its stream and in the log. */
export interface RecordedEvent {
  /** Derived from the command id and the event's place in its append. */
  readonly id: string;
  readonly stream: StreamId;
  /** 1 for the first event of the stream. */
  readonly version: number;
  readonly position: Position;
  readonly type: string;
  /**
   * The data after upcasting. This property throws, and not the read of the page, so that one event of a newer release
   * does not stop the readers of all other events.
   * @throws UnknownSchemaVersion the event was written by a newer release than this process runs
   */
  readonly data: JsonObject;
  readonly commandId: string;
  readonly actor: Actor;
  readonly correlationId: string;
  readonly causationId: string;
  /** UUID of the access record: which credential sent the command, and from where; null: it is not known. */
  readonly accessId: string | null;
  /** The schema version of `data` after upcasting; the stored version if this release does not know it. */
  readonly schemaVersion: number;
  /** Why `data` throws; undefined if `data` can be read. */
  readonly undecodable?: UnknownSchemaVersion | undefined;
  readonly recordedAt: Date;
}
