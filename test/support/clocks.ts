import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';

/** A clock that a test can set. */
export interface Clock {
  /** @param shiftMs ms by which the clock is ahead of the machine's; negative: behind; 0: equal */
  set(shiftMs: number): Promise<void>;
}

/**
 * The clock of processes of the product.
 * @param folder for the file that contains the shift
 * @returns the clock, and environment variables with which the processes must be started
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
 * The clock of one database: `now()` and `clock_timestamp()` are replaced with SQL functions that the planner inlines
 * into each statement. Call it before the product connects: statements that a session has planned before keep the clock
 * of the machine.
 * @param owner connects as a superuser
 */
export const databaseClock = async (owner: Pool): Promise<Clock> => {
  // In a separate function: PostgreSQL plans a statement again after such a function has changed, but not after a
  // built-in function has.
  const set = (shiftMs: number): Promise<unknown> =>
    owner.query(
      `create or replace function pg_catalog.test_clock_shift() returns interval language sql stable parallel safe
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
