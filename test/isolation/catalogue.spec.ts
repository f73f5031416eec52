import type { Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { DATABASE_ROLES, roleNames } from '#platform/database/roles/roles';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { createTestDatabase, type TestDatabase } from '#testing/database';

/**
 * Checks isolation in the system catalogue of a migrated database. The checks include every table that is added later.
 */
describe('the system catalogue', () => {
  let database: TestDatabase;
  let owner: Pool;
  let projector: Pool;
  let roles: ReturnType<typeof roleNames>;

  beforeAll(async () => {
    database = await createTestDatabase();
    roles = roleNames(database.rolePrefix);
    owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'test' });
    projector = createPool({ url: database.urls.projector, max: 2, applicationName: 'test' });
    await installProjections(projector, projections, roles);
  });

  afterAll(async () => {
    await Promise.all([owner.end(), projector.end()]);
    await database.drop();
  });

  const query = async (sql: string, ...values: unknown[]): Promise<unknown[]> => (await owner.query(sql, values)).rows;

  it('has forced row security and a policy on every table with a tenant id', async () => {
    const tables = await query(`
      select c.oid::regclass::text as name, c.relrowsecurity and c.relforcerowsecurity as forced,
        exists (select from pg_policy p where p.polrelid = c.oid) as policy
      from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
      where c.relkind in ('r', 'p') and c.relnamespace::regnamespace::text not in ('pg_catalog', 'information_schema')`);
    expect(tables.length).toBeGreaterThanOrEqual(4);
    for (const table of tables) expect(table).toMatchObject({ forced: true, policy: true });
  });

  it('shows the app role no row of such a table if no tenant is set', async () => {
    const tables = (await query(
      `
      select c.oid::regclass::text as name from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
      where c.relkind = 'r' and has_table_privilege($1, c.oid, 'select')
        and has_schema_privilege($1, c.relnamespace, 'usage')`,
      roles.app,
    )) as { name: string }[];
    expect(tables.length).toBeGreaterThan(0);
    const app = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    try {
      for (const { name } of tables) expect((await app.query(`select 1 from ${name}`)).rows).toEqual([]);
    } finally {
      await app.end();
    }
  });

  it('has policies that read settings in a sub-select, because an index could not be used otherwise', async () => {
    const policies = (await query(
      `select polname, pg_get_expr(polqual, polrelid) as expression from pg_policy
       where pg_get_expr(polqual, polrelid) like '%current_setting%'`,
    )) as { expression: string }[];
    expect(policies.length).toBeGreaterThan(0);
    for (const { expression } of policies) expect(expression).toMatch(/SELECT .*current_setting/is);
  });

  it('has no strong attributes and no owned tables for the roles of the processes', async () => {
    const strongRoles = await query(
      `select rolname from pg_roles where rolname = any($1)
       and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)`,
      DATABASE_ROLES.map((role) => roles[role]),
    );
    expect(strongRoles).toEqual([]);
    const ownedTables = await query(
      `select relname from pg_class where relowner = any(array[$1, $2, $3]::regrole[])`,
      roles.app,
      roles.log,
      roles.operator,
    );
    expect(ownedTables).toEqual([]);
  });

  it('allows only the owner to change or delete an event', async () => {
    const rights = await query(
      `select r as role, p as right from unnest($1::text[]) r, unnest(array['update', 'delete', 'truncate']) p
       where has_table_privilege(r, 'event_log.events', p)`,
      DATABASE_ROLES.map((role) => roles[role]),
    );
    expect(rights).toEqual([]);
    const log = createPool({ url: database.urls.log, max: 1, applicationName: 'test' });
    try {
      await expect(log.query('update event_log.events set version = 0')).rejects.toMatchObject({ code: '42501' });
      await expect(log.query('delete from event_log.events')).rejects.toMatchObject({ code: '42501' });
      await expect(log.query('alter table event_log.events disable row level security')).rejects.toMatchObject({
        code: '42501',
      });
    } finally {
      await log.end();
    }
  });

  it('does not allow the app role to switch row security off', async () => {
    const app = createPool({ url: database.urls.app, max: 1, applicationName: 'test' });
    try {
      await expect(app.query('alter table read_model.tenants disable row level security')).rejects.toMatchObject({
        code: '42501',
      });
      await expect(app.query(`set role ${roles.projector}`)).rejects.toMatchObject({ code: '42501' });
      await app.query('set row_security = off');
      await expect(app.query('select 1 from read_model.tenants')).rejects.toMatchObject({ code: '42501' });
    } finally {
      await app.end();
    }
  });

  it('has a fixed search path for every function that runs with the rights of its owner', async () => {
    const unfixed = await query(
      `select p.oid::regprocedure::text as name from pg_proc p
       where p.prosecdef and p.pronamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
         and not coalesce(p.proconfig::text like '%search_path%', false)`,
    );
    expect(unfixed).toEqual([]);
  });
});
