import { Client, type Pool } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { createPool, withClient } from './connections/pools';
import { requireDatabase } from './require-database';

jest.setTimeout(60_000);

describe('the check that the database can be used', () => {
  let database: TestDatabase;
  let server: Client;
  let pool: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    const url = new URL(database.urls.owner);
    url.pathname = '/postgres';
    server = new Client({ connectionString: url.href });
    await server.connect();
    pool = createPool({ url: database.urls.app, max: 3, applicationName: 'require-database' });
  });
  afterAll(async () => {
    await Promise.all([server.end(), pool.end()]);
    await database.drop();
  });

  const notReady = (message: RegExp) => ({ name: 'NotReady', message: expect.stringMatching(message) });
  const readOnly = (on: boolean) =>
    server.query(`alter database ${database.name} set default_transaction_read_only = ${on}`);
  const allowConnections = (allow: boolean) =>
    server.query(`alter database ${database.name} allow_connections ${allow}`);
  const endSessions = () =>
    server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database.name]);

  it('passes while the database answers and accepts writes', async () => {
    await requireDatabase(pool);
  });

  it('fails while the database is read-only, and then passes also in a pool with read-only sessions', async () => {
    await readOnly(true);
    await endSessions();
    await Promise.allSettled([1, 2, 3].map(() => withClient(pool, (client) => client.query('select 1'))));
    await expect(requireDatabase(pool)).rejects.toMatchObject(notReady(/read-only/));
    await Promise.all([1, 2, 3].map(() => withClient(pool, (client) => client.query('select 1'))));
    await readOnly(false);
    await requireDatabase(pool);
  });

  it('fails while the database allows no connections', async () => {
    await allowConnections(false);
    await endSessions();
    const fresh = createPool({ url: database.urls.app, max: 1, applicationName: 'require-database' });
    await expect(requireDatabase(fresh)).rejects.toMatchObject(notReady(/refuses this process access/));
    await fresh.end();
    await allowConnections(true);
  });

  it('fails where the password is refused, or no connection is free', async () => {
    const wrong = new URL(database.urls.app);
    if (wrong.searchParams.has('password')) wrong.searchParams.set('password', 'wrong');
    wrong.password = wrong.host ? 'wrong' : '';
    const refused = createPool({ url: wrong.href, max: 1, applicationName: 'require-database' });
    await expect(requireDatabase(refused)).rejects.toMatchObject(notReady(/refuses the password/));
    await refused.end();
    await server.query(`alter database ${database.name} connection limit 0`);
    const exhausted = createPool({ url: database.urls.app, max: 1, applicationName: 'require-database' });
    await expect(requireDatabase(exhausted)).rejects.toMatchObject(notReady(/no free connection/));
    await exhausted.end();
    await server.query(`alter database ${database.name} connection limit -1`);
  });

  it('fails for a moment after a write was refused because the disk is full', async () => {
    const refuse = `do $$ begin raise exception 'No space left on device' using errcode = '53100'; end $$`;
    await expect(withClient(pool, (client) => client.query(refuse))).rejects.toMatchObject({ code: '53100' });
    await expect(requireDatabase(pool)).rejects.toMatchObject(notReady(/no space left/));
    for (;;) {
      const isReady = await requireDatabase(pool).then(
        () => true,
        () => false,
      );
      if (isReady) break;
    }
  });
});
