import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import type { Logger } from '#platform/logging/logger.port';

export interface ReactingOptions {
  readonly log: EventLog;
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly logger: Logger;
  /** Called with each event that was answered. */
  readonly onAnswered: (reaction: string) => void;
  /** ms after which the lease of a worker that no longer renews it ends; 10,000 by default. */
  readonly leaseMs?: number;
  /** ms that one attempt may take; 60,000 by default. */
  readonly attemptMs?: number;
  /** Failures after which an event is parked; 12 by default, which takes about half a minute. */
  readonly attempts?: number;
  /**
   * ms before the second attempt; the wait doubles with each further attempt, up to 50 times this value. 100 by
   * default.
   */
  readonly firstRetryMs?: number;
  /**
   * Partitions whose events are answered at the same time; 16 by default. The same number of slow ones may run in
   * addition.
   */
  readonly atOnce?: number;
  /** The most events that are read beyond the low-water mark, and that a crash may repeat; 1,000 by default. */
  readonly windowEvents?: number;
  /** ms that an answer and its retries may take before the events of its partition are set aside; 2,000 by default. */
  readonly slowMs?: number;
  readonly signal: AbortSignal;
}

/** The options with the defaults for those that were omitted. */
export type CompleteOptions = Required<ReactingOptions>;

export const DEFAULTS = {
  leaseMs: 10_000,
  attemptMs: 60_000,
  attempts: 12,
  firstRetryMs: 100,
  atOnce: 16,
  windowEvents: 1_000,
  slowMs: 2_000,
};
