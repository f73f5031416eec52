import type { EventMark, Position, RecordedEvent } from './events';

/** The maximum number of events in one page. */
export const MAX_PAGE = 10_000;

export interface Filter {
  /** Only events of this tenant. */
  readonly tenantId?: string;
  /** Only events of these types. An empty list matches no event. */
  readonly types?: readonly string[];
}

export interface ReadAll extends Filter {
  /** Exclusive. */
  readonly after: Position;
  /** The maximum number of events in the page; 1..{@link MAX_PAGE}. */
  readonly limit: number;
}

/** A page in position order. */
export interface Page {
  readonly events: readonly RecordedEvent[];
  /** The position up to which the log was read: every matching event up to it is in this page or in an earlier one. */
  readonly position: Position;
  /** True if the page reached the end that the log had when the page was read. */
  readonly caughtUp: boolean;
  /** The last event at or before `position`, whether it matches the filter or not; undefined if it is not known. */
  readonly last?: EventMark | undefined;
}

export interface Subscribe extends Filter {
  /** Exclusive. */
  readonly after: Position;
  /** The maximum number of events in one page; 1..{@link MAX_PAGE}, 1,000 by default. */
  readonly pageSize?: number;
  /** Ends the iteration without an error. */
  readonly signal?: AbortSignal;
}

export interface ReadStream {
  /** Exclusive; 0 by default. */
  readonly afterVersion?: number;
  /** The maximum number of events; all events by default. */
  readonly limit?: number;
}
