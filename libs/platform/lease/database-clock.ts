import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { withClient } from '../database/connections/pools';
import type { Logger } from '../logging/logger.port';
import { sleep } from '../loops/backoff';

export interface DatabaseClockOptions {
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly logger: Logger;
  /** Undefined: no metric is registered. */
  readonly registry?: Registry;
  /** ms between two readings; 1,000 by default. A lease ends at most this much later than its end time. */
  readonly intervalMs?: number;
  /** This machine's wall clock, in ms since 1970; `Date.now` by default. */
  readonly wallClock?: () => number;
}

export interface DatabaseClock {
  /** The database's wall clock in ms since 1970: the last reading plus the time since then. No round trip. */
  now(): number;
  /** ms by which this machine's wall clock is ahead of the database's; negative if it is behind. */
  skewMs(): number;
  /** Ends the readings, and resolves when the last one is done. */
  stop(): Promise<void>;
}

interface Reading {
  /** Lease time and the database's wall clock, both in ms since 1970. */
  readonly leaseMs: number;
  readonly wallMs: number;
  /** `performance.now()` when the answer was received. */
  readonly at: number;
  /** ms from the query to the answer. The database read its clocks at some moment in between. */
  readonly roundTripMs: number;
}

/** ms of a round trip after which a reading is too inexact for the skew. */
const SLOW_MS = 2_000;
/**
 * ms by which the database's wall clock and this process's monotonic clock may differ before the former counts as set.
 */
const SET_MS = 5_000;

/**
 * Advances lease time, and reads the database's wall clock at the same time. Lease time follows the monotonic clocks of
 * all processes, whichever is furthest ahead. It does not use wall clocks, so setting a clock neither ends a lease
 * early nor extends one. Readings that fail are skipped.
 * @throws the error of the first reading
 */
export const startDatabaseClock = async ({
  pool,
  logger,
  registry,
  intervalMs = 1_000,
  wallClock = Date.now,
}: DatabaseClockOptions): Promise<DatabaseClock> => {
  let gauge: Gauge | undefined;
  let skew = 0;

  const read = async (leaseMs: number | null): Promise<Reading> => {
    const [sentAt, sentWall] = [performance.now(), wallClock()];
    const { rows } = await withClient(pool, (client) =>
      client.query<{ lease_ms: number; wall_ms: number }>({
        name: 'lease-tick',
        text: 'select lease_ms, wall_ms from lease.tick($1, $2)',
        values: [leaseMs, intervalMs * 0.8],
      }),
    );
    const [row] = rows;
    if (!row) throw new Error('the database did not return its time');
    const at = performance.now();
    if (at - sentAt < SLOW_MS) {
      skew = (sentWall + wallClock()) / 2 - row.wall_ms;
      gauge?.set(skew / 1_000);
    }
    return { leaseMs: row.lease_ms, wallMs: row.wall_ms, at, roundTripMs: at - sentAt };
  };

  let wall = await read(null);
  // Not before the first reading: a start that fails is tried again, and a registry takes a name once.
  if (registry) {
    gauge = new Gauge({
      name: 'tenantry_clock_skew_seconds',
      help: "Seconds by which this machine's clock is ahead of the database's",
      registers: [registry],
    });
    gauge.set(skew / 1_000);
  }
  /** The reading with the highest lease time. Only the time that has passed since then is added to it. */
  let lease = wall;
  const wallNow = (): number => wall.wallMs + (performance.now() - wall.at);

  const stopping = new AbortController();
  const tick = async (): Promise<void> => {
    const wanted = lease.leaseMs + (performance.now() - lease.at);
    const next = await read(wanted);
    if (next.leaseMs > wanted) lease = next;
    const setBy = next.wallMs - wallNow();
    // A slow network, or a process that was too busy to read the answer, makes two readings differ by up to both round
    // trips.
    if (Math.abs(setBy) > SET_MS + wall.roundTripMs + next.roundTripMs)
      logger.warn(
        { seconds: Math.round(setBy / 1_000) },
        'the clock of the database was changed while this process was running',
      );
    wall = next;
  };
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await sleep(intervalMs, stopping.signal);
      if (!stopping.signal.aborted) await tick().catch(() => undefined);
    }
  };
  const running = run();

  return {
    now: wallNow,
    skewMs: () => skew,
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};
