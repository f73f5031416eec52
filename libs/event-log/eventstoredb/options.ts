import { type Logger as ProductLogger, silentLogger } from '#platform/logging/logger.port';
import { noUpcasters, type Upcasters } from '../upcasting';

/** Receives messages for operators. */
export type Logger = Pick<ProductLogger, 'info' | 'warn'>;

export interface EventStoreDbOptions {
  /**
   * `esdb://…` or `esdb+discover://…`. The server must be version 23.10 or later, which reports that a subscription has
   * caught up.
   */
  readonly connectionString: string;
  readonly upcasters?: Upcasters;
  readonly logger?: Logger;
  /**
   * ms in which the server must answer an append, including the waits for a free place and for a connection. Together
   * with the reads before and after it, an append ends within about twice this time. 5,000 by default.
   */
  readonly appendDeadlineMs?: number;
  /** ms without any answer after which the search for an append of unknown outcome fails. 2,000 by default. */
  readonly resolveDeadlineMs?: number;
  /** ms without any answer after which a read fails. 10,000 by default. */
  readonly readDeadlineMs?: number;
  /** ms after which `ping` fails. 2,000 by default. */
  readonly pingDeadlineMs?: number;
  /** ms between two checks whether the log was replaced or went back to an older copy; 1,000 by default. */
  readonly historyMs?: number;
  /** ms between two probes of the node while calls wait for it. 2,000 by default. */
  readonly probeIntervalMs?: number;
  /** ms in which the node must answer a probe; otherwise the client changes to another node. 3,000 by default. */
  readonly probeDeadlineMs?: number;
  /** The maximum number of appends in flight; further appends wait. 128 by default. */
  readonly maxInFlight?: number;
  /** The maximum number of appends that wait; further appends are refused at once. 10,000 by default. */
  readonly maxWaiting?: number;
}

export type Settings = Required<EventStoreDbOptions>;

export const settingsOf = (options: EventStoreDbOptions): Settings => ({
  upcasters: noUpcasters,
  logger: silentLogger,
  appendDeadlineMs: 5_000,
  resolveDeadlineMs: 2_000,
  readDeadlineMs: 10_000,
  pingDeadlineMs: 2_000,
  historyMs: 1_000,
  probeIntervalMs: 2_000,
  probeDeadlineMs: 3_000,
  maxInFlight: 128,
  maxWaiting: 10_000,
  ...options,
});
