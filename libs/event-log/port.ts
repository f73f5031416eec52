import type { Actor } from '#domain/command';
import type { JsonObject, JsonValue } from './json';
import type { StreamId } from './stream-id';
import type { UnknownSchemaVersion } from './upcasting';

/**
 * The event log port: the only truth of the product. Two stores implement it (PostgreSQL, EventStoreDB) and one
 * contract suite (`contract.suite.ts`) holds both to every sentence written here.
 */

/** Opaque and totally ordered within one log. Gaps are normal. `START` lies before every event. */
export type Position = bigint;
export const START: Position = 0n;

export type { Actor, JsonObject, JsonValue };

/**
 * Names one event. A position alone does not: where a log goes back to an older copy (a restore, a failover to a replica
 * that was behind), the positions of what was lost are given to other events.
 */
export interface EventMark {
  readonly position: Position;
  readonly eventId: string;
  readonly commandId: string;
  /** Null outside tenants. The event of an erased tenant is gone, and that is no fault of the log. */
  readonly tenantId: string | null;
}

/** Which log it is. */
export interface LogIdentity {
  /** UUID, made once with the log. A restored copy has the id of its original. */
  readonly logId: string;
  /** Raised by a process that finds that the log went back to an older copy. 1 for a log that never did. */
  readonly epoch: number;
}

/** What goes to the log: a past-tense fact. `type` is a storage contract and is never renamed. */
export interface EventToAppend {
  readonly type: string;
  readonly data: JsonObject;
}

/**
 * The number of events that the stream must hold for the append to be taken (0: the stream must not exist yet), or
 * `any` where the order does not matter.
 */
export type ExpectedVersion = number | 'any';

/** One atomic append of 1..{@link MAX_EVENTS} events to one stream. */
export interface Append {
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  /**
   * The command of the event at the expected version, where the caller knows it. PostgreSQL refuses the append as of
   * another version where another event stands there: the log went back since the caller read it. EventStoreDB compares
   * the number alone.
   */
  readonly expectedCommandId?: string | undefined;
  readonly events: readonly EventToAppend[];
  /**
   * UUID. The append's identity: event ids derive from it (`eventId`), and a repeat with the same command id, whatever
   * its expected version, answers with what the first one stored. One command id names one append to one stream.
   */
  readonly commandId: string;
  readonly actor: Actor;
  /** 1..128 characters of `[A-Za-z0-9._:-]`: the request that all of this belongs to. */
  readonly correlationId: string;
  /** UUID of the event that a reaction answers; the command itself where it is left out. */
  readonly causationId?: string;
}

export interface AppendResult {
  /** The stream's version after the append's last event. */
  readonly version: number;
  /** The position of the append's last event. */
  readonly position: Position;
  /**
   * True where an earlier append with the same command id had stored it already. EventStoreDB may not tell of one that
   * another process made within the last second: version and position are right all the same.
   */
  readonly repeated: boolean;
}

export interface RecordedEvent {
  /** Derived from the command id and the event's place in its append. */
  readonly id: string;
  readonly stream: StreamId;
  /** 1 for the first event of the stream. */
  readonly version: number;
  readonly position: Position;
  readonly type: string;
  /**
   * After upcasting. One event of a newer release must not stop the readers of all others, so that a page is read whatever
   * it holds.
   * @throws UnknownSchemaVersion the event is of a newer release than this process
   */
  readonly data: JsonObject;
  readonly commandId: string;
  readonly actor: Actor;
  readonly correlationId: string;
  readonly causationId: string;
  /** The schema version that `data` has now, after upcasting; the stored one where this release does not know that. */
  readonly schemaVersion: number;
  /** Why `data` can't be had; undefined, or left out, where it can. */
  readonly undecodable?: UnknownSchemaVersion | undefined;
  readonly recordedAt: Date;
}

export interface Filter {
  /** Only this tenant's events. */
  readonly tenantId?: string;
  /** Only these types. An empty list matches nothing. */
  readonly types?: readonly string[];
}

export interface ReadAll extends Filter {
  /** Exclusive. */
  readonly after: Position;
  /** 1..{@link MAX_PAGE}; events in one page. */
  readonly limit: number;
}

/** A page in position order. `position` is how far the log was looked through: no matching event lies before it. */
export interface Page {
  readonly events: readonly RecordedEvent[];
  readonly position: Position;
  /** True where the page reached the head that the log had when the page was read. */
  readonly caughtUp: boolean;
  /** The last event at or before `position`, whether it matches or not; undefined where it is not known. */
  readonly last?: EventMark | undefined;
}

export interface Subscribe extends Filter {
  /** Exclusive. */
  readonly after: Position;
  /** Events in one page at most; 1..{@link MAX_PAGE}, 1,000 by default. */
  readonly pageSize?: number;
  /** Ends the iteration, without an error. */
  readonly signal?: AbortSignal;
}

export interface ReadStream {
  /** Exclusive; 0 by default. */
  readonly afterVersion?: number;
  /** All of it by default. */
  readonly limit?: number;
}

export interface EventLog {
  /**
   * Durable once it resolves.
   * @throws WrongExpectedVersion the stream is at another version; nothing was written
   * @throws InvalidAppend the append can't be stored by any log (empty, too large, not JSON …), or its tenant was
   * erased; nothing was written
   * @throws LogUnavailable nothing was written
   * @throws AppendOutcomeUnknown it may or may not have been written, and could not be re-read in time; repeating it
   * with the same command id is safe
   */
  append(append: Append): Promise<AppendResult>;

  /** In version order; empty for a stream that does not exist. @throws LogUnavailable */
  readStream(stream: StreamId, options?: ReadStream): Promise<RecordedEvent[]>;

  /** One page in position order. @throws LogUnavailable */
  readAll(options: ReadAll): Promise<Page>;

  /**
   * Catch-up, then live. Each page follows the one before without a gap; a page may be empty (it moves the position
   * only). The next page is asked for when the consumer comes back for it: that is the back-pressure. A log that goes
   * away is waited for with backoff and jitter, the iteration does not fail.
   * @throws HistoryChanged from the iteration, where the log went back to an older copy meanwhile
   */
  subscribe(options: Subscribe): AsyncIterable<Page>;

  /** The position of the last event. @throws LogUnavailable */
  head(): Promise<Position>;

  /** @throws LogUnavailable */
  identity(): Promise<LogIdentity>;

  /** The last event at or before a position; of the whole log by default. Undefined: there is none. @throws LogUnavailable */
  lastEvent(notAfter?: Position): Promise<EventMark | undefined>;

  /**
   * Those of the marks whose event this log does not hold. The events of erased tenants are not counted as missing.
   * @throws LogUnavailable
   */
  missing(marks: readonly EventMark[]): Promise<EventMark[]>;

  /**
   * Calls the listener when the log turns out to be another one, or to have gone back to an older copy: within about a
   * second while the log answers. Whatever was kept of the log in memory counts for nothing then.
   * @returns the function that ends it
   */
  onHistoryChange(listener: () => void): () => void;

  /**
   * Resolves where the next event will lie behind the last one; corrects what would give it another position.
   * @throws PositionsBehind it cannot be corrects
   * @throws LogUnavailable
   */
  checkPositions(): Promise<void>;

  /** Erases every stream of the tenant, and takes no append for it any more. Idempotent. @throws LogUnavailable */
  deleteTenant(tenantId: string): Promise<void>;

  /** Resolves if the log takes appends and reads now. @throws LogUnavailable */
  ping(): Promise<void>;

  /** Waits for what is in flight (5 s at most), then closes every connection and subscription. */
  close(): Promise<void>;
}

/** Events in one append. */
export const MAX_EVENTS = 500;
/**
 * Bytes of all data of one append, as JSON in UTF-8. EventStoreDB's own limit is 1 MiB with the types and metadata, which
 * are 300 KB of 500 events.
 */
export const MAX_APPEND_BYTES = 700 * 1024;
/** Events in one page. */
export const MAX_PAGE = 10_000;

export class WrongExpectedVersion extends Error {
  override readonly name = 'WrongExpectedVersion';
  constructor(
    readonly stream: StreamId,
    readonly expected: ExpectedVersion,
    /** The stream's version when the append was refused; undefined where the store did not tell. */
    readonly actual: number | undefined,
  ) {
    super(
      actual === expected
        ? `expected version ${expected}, where the stream now has another event than the one that was read`
        : `expected version ${expected}, the stream is at ${actual ?? 'another one'}`,
    );
  }
}

export class InvalidAppend extends Error {
  override readonly name = 'InvalidAppend';
}

export class LogUnavailable extends Error {
  override readonly name = 'LogUnavailable';
}

/** The log answers, and refuses the call to the user that this process connects as. Trying again changes nothing. */
export class LogDenied extends LogUnavailable {}
/** The log is another one, or went back to an older copy. Read your own checkpoint again and begin there. */
export class HistoryChanged extends Error {
  override readonly name = 'HistoryChanged';
  constructor() {
    super('the event log was restored from an older copy or replaced by another log');
  }
}

/** New events would get positions that readers have passed already. The message is for operators. */
export class PositionsBehind extends Error {
  override readonly name = 'PositionsBehind';
}

export class AppendOutcomeUnknown extends Error {
  override readonly name = 'AppendOutcomeUnknown';
}
