import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { describeDatabase } from '#platform/database/catalogue/describe-database';
import { createPool } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { JOBS_SCHEMA } from '#platform/jobs/schema';
import { installProjections } from '#projecting/versions/install';
import { projections } from '#projections/index';
import { createTestDatabase, type TestDatabase } from '#testing/database';

describe('docs/schema.sql', () => {
  let database: TestDatabase;
  let owner: Client;
  beforeAll(async () => {
    database = await createTestDatabase();
    const pool = createPool({ url: database.urls.projector, max: 1, applicationName: 'spec' });
    await installProjections(pool, projections, roleNames(database.rolePrefix));
    await pool.end();
    owner = new Client({ connectionString: database.urls.owner });
    await owner.connect();
  }, 120_000);
  afterAll(async () => {
    await owner.end();
    await database.drop();
  });

  it('equals the database after all migrations; `npm run schema` writes it', async () => {
    const text = await describeDatabase(owner, database.rolePrefix, [JOBS_SCHEMA]);
    expect(readFileSync(join(__dirname, '../../docs/schema.sql'), 'utf8')).toBe(text);
  });

  it('has a comment for each table of the migrations', async () => {
    const { rows } = await owner.query(
      `select c.oid::regclass::text as table from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema$|public$|platform$|bullmq$|read_model)'
         and obj_description(c.oid, 'pg_class') is null`,
    );
    expect(rows).toEqual([]);
  });

  it('changes if a function, a right or a policy changes', async () => {
    const before = await describeDatabase(owner, database.rolePrefix, [JOBS_SCHEMA]);
    const app = roleNames(database.rolePrefix).app;
    for (const sql of [
      `create or replace function lease.now() returns timestamptz language sql stable parallel safe as 'select now()'`,
      `grant delete on erasing.erasures to ${app}`,
      'alter policy tenant_reads on plans.api_calls using (true)',
    ]) {
      await owner.query('begin');
      await owner.query(sql);
      expect(await describeDatabase(owner, database.rolePrefix, [JOBS_SCHEMA])).not.toBe(before);
      await owner.query('rollback');
    }
  });
});
