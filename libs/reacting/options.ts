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
  /** ms after which a worker that went silent is replaced; 10,000 by default. */
  readonly leaseMs?: number;
  /** ms that one attempt may take; 60,000 by default. */
  readonly attemptMs?: number;
  /** Failures of one event after which it is parked; 12 by default, which is about half a minute. */
  readonly attempts?: number;
  /** ms before the second attempt, doubled for each one after it up to fifty times; 100 by default. */
  readonly firstRetryMs?: number;
  /** Partitions that are answered at the same time; 16 by default. As many again may take long. */
  readonly atOnce?: number;
  /** Events that are read beyond the low-water mark: a crash repeats that many at most; 1,000 by default. */
  readonly windowEvents?: number;
  /** ms that an answer may take, with its retries, before its partition is set aside; 2,000 by default. */
  readonly slowMs?: number;
  readonly signal: AbortSignal;
}

export type Settled = Required<ReactingOptions>;

export const DEFAULTS = {
  leaseMs: 10_000,
  attemptMs: 60_000,
  attempts: 12,
  firstRetryMs: 100,
  atOnce: 16,
  windowEvents: 1_000,
  slowMs: 2_000,
};
