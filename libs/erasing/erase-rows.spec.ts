import { Client } from 'pg';
import { createTestDatabase } from '../testing/database';

/** Kept on purpose, or short-lived: the log and its list of erased ids, the erasure itself, turns that end by themselves. */
const KEPT = ['billing.turns', 'erasing.erasures', 'event_log.erased_tenants', 'event_log.events'];

describe('what is erased of a company beside its events and read models', () => {
  it('is every table that has rows of companies: a migration that says it anew leaves none out', async () => {
    const database = await createTestDatabase();
    const client = new Client({ connectionString: database.urls.owner });
    await client.connect();
    try {
      const { rows } = await client.query<{ name: string }>(
        `select n.nspname || '.' || c.relname as name from pg_attribute a
         join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
         where a.attname = 'tenant_id' and c.relkind in ('r', 'p') and n.nspname !~ '^(pg_|information_schema|read_model)'`,
      );
      const defined = await client.query<{ body: string }>(
        `select prosrc as body from pg_proc where oid = 'erasing.erase_rows(uuid)'::regprocedure`,
      );
      const body = defined.rows[0]?.body ?? '';
      const left = rows.map(({ name }) => name).filter((name) => !body.includes(`delete from ${name} `));
      expect(left.sort()).toEqual(KEPT);
    } finally {
      await client.end();
      await database.drop();
    }
  });
});
