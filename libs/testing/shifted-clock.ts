import type { Pool } from 'pg';

/** Functions of the product that read a clock, with the search path that puts ours before PostgreSQL's. */
const FUNCTIONS = `select p.oid::regprocedure::text as name from pg_proc p
  where p.pronamespace::regnamespace::text in ('lease', 'billing', 'idempotency')
    and p.oid <> 'lease.now()'::regprocedure`;

/**
 * Sets the wall clock of a test's database: `now()` and `clock_timestamp()` in the functions of leases, billing and idempotency
 * keys answer with another time from then on. @param owner connects as its owner
 */
export const shiftClock = async (owner: Pool): Promise<{ by(interval: string): Promise<void> }> => {
  await owner.query(`
    create schema shifted;
    create table shifted.clock (shift interval not null);
    insert into shifted.clock values ('0');
    create function shifted.clock_timestamp() returns timestamptz language sql volatile security definer
      as 'select pg_catalog.clock_timestamp() + c.shift from shifted.clock c';
    create function shifted.now() returns timestamptz language sql stable security definer
      as 'select pg_catalog.now() + c.shift from shifted.clock c';
    grant usage on schema shifted to public`);
  const { rows } = await owner.query<{ name: string }>(FUNCTIONS);
  for (const { name } of rows)
    await owner.query(`alter function ${name} set search_path = shifted, pg_catalog, pg_temp`);
  return {
    by: async (interval) => {
      await owner.query('update shifted.clock set shift = $1::interval', [interval]);
    },
  };
};
