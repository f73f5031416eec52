import { type Logger as ProductLogger, silentLogger } from '#platform/logging/logger.port';
import { noUpcasters, type Upcasters } from '../upcasting';

/** Where the adapter says what an operator should know. */
export type Logger = Pick<ProductLogger, 'info' | 'warn'>;

export interface EventStoreDbOptions {
  /** `esdb://…` or `esdb+discover://…`. Needs a server of 23.10 or later (the first that reports when it has caught up). */
  readonly connectionString: string;
  readonly upcasters?: Upcasters;
  readonly logger?: Logger;
  /**
   * ms for an append to be answered by the server, its waits for a place and a connection included; with the
   * looks before and after it ends within about twice that. 5,000 by default.
   */
  readonly appendDeadlineMs?: number;
  /** ms without an answer in which an append of unknown outcome is looked for, after that. 2,000 by default. */
  readonly resolveDeadlineMs?: number;
  /** ms without any answer after which a read has failed. 10,000 by default. */
  readonly readDeadlineMs?: number;
  /** ms for `ping`. 2,000 by default. */
  readonly pingDeadlineMs?: number;
  /** ms between two looks whether the log is another one, or went back; 1,000 by default. */
  readonly historyMs?: number;
  /** ms between two looks at whether the node still answers, while anything waits for it. 2,000 by default. */
  readonly probeIntervalMs?: number;
  /** ms for the node to answer such a look; then it is left for another one. 3,000 by default. */
  readonly probeDeadlineMs?: number;
  /** Appends on the wire at the same time; more wait for a place. 128 by default. */
  readonly maxInFlight?: number;
  /** Appends that wait for a place; more are refused at once. 10,000 by default. */
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
