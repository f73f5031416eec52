import type { Actor } from '#domain/command';
import type { JsonObject } from '../json';
import type { StreamId } from '../stream-id';
import type { Position } from './events';

/** The maximum number of events in one append. */
export const MAX_EVENTS = 500;
/**
 * The maximum number of bytes of all data of one append, as JSON in UTF-8. EventStoreDB's own limit is 1 MiB and
 * includes types and metadata, which are 300 KB for 500 events.
 */
export const MAX_APPEND_BYTES = 700 * 1024;

/** An event before it is stored. `type` is in the past tense, is part of the storage contract and is never renamed. */
export interface EventToAppend {
  readonly type: string;
  readonly data: JsonObject;
}

/**
 * The number of events that the stream must hold for the append to be accepted (0: the stream must not exist yet), or
 * `any` if the append is valid at every version.
 */
export type ExpectedVersion = number | 'any';

/** One atomic append of 1..{@link MAX_EVENTS} events to one stream. */
export interface Append {
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  /**
   * The command of the event at the expected version, if the caller knows it. PostgreSQL refuses the append with
   * `WrongExpectedVersion` if another event has that version, because the log went back to an older copy after the
   * caller read it. EventStoreDB compares only the number.
   */
  readonly expectedCommandId?: string | undefined;
  readonly events: readonly EventToAppend[];
  /**
   * UUID. Identifies the append: event ids are derived from it (`eventId`). A second append with the same command id
   * stores nothing, whatever its expected version, and returns the result of the first one. One command id belongs to
   * one append to one stream.
   */
  readonly commandId: string;
  readonly actor: Actor;
  /** 1..128 characters of `[A-Za-z0-9._:-]`: identifies the request that caused the append. */
  readonly correlationId: string;
  /** UUID of the event that a reaction answers; the command id by default. */
  readonly causationId?: string;
  /** UUID of the access record: which credential sent the command, and from where. Absent: it is not known. */
  readonly accessId?: string;
}

export interface AppendResult {
  /** The version of the stream after the last event of the append. */
  readonly version: number;
  /** The position of the last event of the append. */
  readonly position: Position;
  /**
   * True if an earlier append with the same command id had already stored the events. EventStoreDB may return false if
   * another process made the earlier append within the last second; version and position are right in that case, too.
   */
  readonly repeated: boolean;
}
