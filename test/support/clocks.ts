import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';

/** A clock that a test may set; 0 is right. */
export interface Clock {
  /** @param shiftMs what it is ahead of the machine's, negative where it is behind */
  set(shiftMs: number): Promise<void>;
}

/**
 * The clock of processes of the product.
 * @param folder for the file that they read
 * @returns also the environment that they have to be started with
 */
export const processClock = (folder: string): Clock & { readonly env: Record<string, string> } => {
  const file = join(folder, 'clock');
  return {
    env: { NODE_OPTIONS: `--require=${join(__dirname, 'shifted-clock.cjs')}`, TEST_CLOCK_FILE: file },
    set: async (shiftMs) => {
      if (shiftMs === 0) rmSync(file, { force: true });
      else writeFileSync(file, String(shiftMs));
    },
  };
};

/**
 * The clock of one database: `now()` and `clock_timestamp()` are replaced by SQL that the planner puts into each statement.
 * Has to be made before the product connects: what a session has planned before keeps the clock of the machine.
 * @param owner connects as a superuser
 */
export const databaseClock = async (owner: Pool): Promise<Clock> => {
  // PostgreSQL plans again where a function of its users has changed, and takes its own ones for unchanging.
  const set = (shiftMs: number): Promise<unknown> =>
    owner.query(
      `create or replace function pg_catalog.test_clock_shift() returns interval language sql immutable parallel safe
         as $$ select interval '${shiftMs} milliseconds' $$`,
    );
  await set(0);
  await owner.query(
    `create or replace function pg_catalog.now() returns timestamptz language sql stable parallel safe
       as $$ select pg_catalog.transaction_timestamp() + pg_catalog.test_clock_shift() $$;
     create or replace function pg_catalog.clock_timestamp() returns timestamptz language sql volatile parallel safe
       as $$ select pg_catalog.timeofday()::timestamptz + pg_catalog.test_clock_shift() $$`,
  );
  return { set: async (shiftMs) => void (await set(shiftMs)) };
};
