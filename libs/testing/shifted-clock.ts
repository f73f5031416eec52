import type { Pool } from 'pg';

/** The schemas whose functions and defaults read a clock; read models do not. */
const SCHEMAS = `'lease', 'billing', 'idempotency', 'identity', 'plans'`;

/** The functions of these schemas. They get a search path with the shifted clock before PostgreSQL's own. */
const FUNCTIONS = `select p.oid::regprocedure::text as name from pg_proc p
  where p.pronamespace::regnamespace::text in (${SCHEMAS}) and p.oid <> 'lease.now()'::regprocedure`;

/** The statements that give the shifted clock to columns whose default is the time of the wall clock. */
const DEFAULTS = `select format('alter table %s alter column %I set default shifted.now()', a.attrelid::regclass, a.attname) as ddl
  from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
  join pg_class c on c.oid = d.adrelid
  where c.relnamespace::regnamespace::text in (${SCHEMAS}) and pg_get_expr(d.adbin, d.adrelid) = 'now()'`;

/**
 * Makes the wall clock of a test's database adjustable: `by` shifts the result of `now()` and `clock_timestamp()` in
 * the functions and defaults of leases, billing, idempotency keys, identity and plans.
 * @param owner connects as the owner of the database
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
  for (const { ddl } of (await owner.query<{ ddl: string }>(DEFAULTS)).rows) await owner.query(ddl);
  const { rows } = await owner.query<{ name: string }>(FUNCTIONS);
  for (const { name } of rows)
    await owner.query(`alter function ${name} set search_path = shifted, pg_catalog, pg_temp`);
  return {
    by: async (interval) => {
      await owner.query('update shifted.clock set shift = $1::interval', [interval]);
    },
  };
};
