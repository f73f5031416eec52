import type { Append, AppendResult } from './port/appends';
import type { EventMark, LogIdentity, Position, RecordedEvent } from './port/events';
import type { Page, ReadAll, ReadStream, Subscribe } from './port/reads';
import type { StreamId } from './stream-id';

export * from './port/appends';
export * from './port/errors';
export * from './port/events';
export * from './port/reads';

/**
 * The port of the event log, in which everything is stored that the product must not lose. It has two implementations,
 * PostgreSQL and EventStoreDB. One contract suite (`contract/contract.suite.ts`) tests every sentence of this file and
 * of the folder `port` against both.
 */
export interface EventLog {
  /**
   * The events are durable when the promise resolves.
   * @throws WrongExpectedVersion the stream has another version; nothing was written
   * @throws InvalidAppend no log can store the append (it is empty, too large, not JSON …), or its tenant was erased;
   * nothing was written
   * @throws LogUnavailable nothing was written
   * @throws AppendOutcomeUnknown the events may or may not have been written, and the log could not be read in time to
   * find out; a repeat with the same command id is safe
   */
  append(append: Append): Promise<AppendResult>;

  /** Events in version order; an empty array if the stream does not exist. @throws LogUnavailable */
  readStream(stream: StreamId, options?: ReadStream): Promise<RecordedEvent[]>;

  /** One page in position order. @throws LogUnavailable */
  readAll(options: ReadAll): Promise<Page>;

  /**
   * Yields the stored events and then, without an end, each new one. Each page follows the one before it without a gap.
   * A page may be empty; then it only moves the position. The next page is read when the consumer requests it, so a
   * slow consumer is not flooded. While the log is not available, the iteration waits with backoff and jitter instead
   * of failing.
   * @throws HistoryChanged from the iteration, if the log went back to an older copy in the meantime
   */
  subscribe(options: Subscribe): AsyncIterable<Page>;

  /** The position of the last event. @throws LogUnavailable */
  head(): Promise<Position>;

  /** @throws LogUnavailable */
  identity(): Promise<LogIdentity>;

  /**
   * The last event at or before a position; the last event of the whole log by default.
   * @returns undefined if there is no such event
   * @throws LogUnavailable
   */
  lastEvent(notAfter?: Position): Promise<EventMark | undefined>;

  /**
   * Those of the marks whose event this log does not hold. Events of erased tenants do not count as missing.
   * @throws LogUnavailable
   */
  missing(marks: readonly EventMark[]): Promise<EventMark[]>;

  /**
   * Calls the listener when the log was replaced by another one or went back to an older copy: within about a second
   * while the log answers. After that, everything that was kept in memory of the log is invalid.
   * @returns a function that removes the listener
   */
  onHistoryChange(listener: () => void): () => void;

  /**
   * Resolves if the next event will have a position after the last event. Corrects the state of the log if it would
   * not.
   * @throws PositionsBehind the state cannot be corrected
   * @throws LogUnavailable
   */
  checkPositions(): Promise<void>;

  /**
   * Erases every stream of the tenant; from then on, every append for the tenant is refused. Idempotent.
   * @throws LogUnavailable
   */
  deleteTenant(tenantId: string): Promise<void>;

  /** Resolves if the log currently accepts appends and reads. @throws LogUnavailable */
  ping(): Promise<void>;

  /** Waits for calls in progress, for 5 s at most, then closes every connection and subscription. */
  close(): Promise<void>;
}
