import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { withClient } from '../database/connections/pools';
import type { Logger } from '../logging/logger.port';
import { sleep } from '../loops/backoff';

export interface DatabaseClockOptions {
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly logger: Logger;
  /** Left out: no metric. */
  readonly registry?: Registry;
  /** ms between two readings; 1,000 by default. A lease ends up to so much later than it says. */
  readonly intervalMs?: number;
  /** This machine's wall clock, in ms since 1970. */
  readonly wallClock?: () => number;
}

export interface DatabaseClock {
  /** The database's wall clock in ms since 1970, as of the last reading plus what has passed since. No round trip. */
  now(): number;
  /** ms by which this machine's wall clock is ahead of the database's; negative where it is behind. */
  skewMs(): number;
  /** Ends the readings. */
  stop(): Promise<void>;
}

interface Reading {
  /** Lease time and the database's wall clock, both in ms since 1970. */
  readonly leaseMs: number;
  readonly wallMs: number;
  /** `performance.now()` when the answer was there. */
  readonly at: number;
  /** ms from the question to the answer. The database read its clocks at some moment in between. */
  readonly roundTripMs: number;
}

/** ms of a round trip after which a reading says too little of the skew. */
const SLOW_MS = 2_000;
/** ms that the database's wall clock may move unlike our monotonic one before it counts as set. */
const SET_MS = 5_000;

/**
 * Keeps lease time going, and reads the database's wall clock on the way. Lease time moves by the monotonic clocks of all
 * processes, whichever of them is furthest; no wall clock has a part in it, so that a clock that is set neither ends a living
 * lease nor keeps a dead one. Readings that fail are left out.
 * @throws what the first reading throws
 */
export const startDatabaseClock = async ({
  pool,
  logger,
  registry,
  intervalMs = 1_000,
  wallClock = Date.now,
}: DatabaseClockOptions): Promise<DatabaseClock> => {
  const gauge =
    registry &&
    new Gauge({
      name: 'tenantry_clock_skew_seconds',
      help: "Seconds by which this machine's clock is ahead of the database's",
      registers: [registry],
    });
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
  /** The latest lease time that is known, and when it was: what is added to it is never more than what has passed. */
  let lease = wall;
  const wallNow = (): number => wall.wallMs + (performance.now() - wall.at);

  const stopping = new AbortController();
  const tick = async (): Promise<void> => {
    const wanted = lease.leaseMs + (performance.now() - lease.at);
    const next = await read(wanted);
    if (next.leaseMs > wanted) lease = next;
    const setBy = next.wallMs - wallNow();
    // A process that was too busy to take an answer, or a slow network, makes two readings differ by so much.
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
