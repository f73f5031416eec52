import type { Pool, PoolClient } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { createPool, inTransaction, withClient } from './pools';

let database: TestDatabase;
let pool: Pool;
const errors: Error[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  errors.length = 0;
  pool = createPool({
    url: database.urls.owner,
    max: 1,
    applicationName: 'tenantry-spec',
    statementTimeoutMs: 300,
    idleInTransactionTimeoutMs: 300,
    onError: (error) => errors.push(error),
  });
});
afterEach(() => pool.end());
afterAll(() => database.drop());

const backend = async (client: PoolClient): Promise<number> => {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0]?.pid ?? 0;
};
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('a pool', () => {
  it('keeps a connection after an error of a statement, also in a transaction, which is rolled back', async () => {
    const before = await withClient(pool, backend);
    await expect(withClient(pool, (client) => client.query('select 1/0'))).rejects.toThrow('division by zero');
    const work = inTransaction(pool, async (client) => {
      await client.query('create table public.undone (n integer)');
      await client.query('select 1/0');
    });
    await expect(work).rejects.toThrow('division by zero');
    await expect(inTransaction(pool, async () => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect(await withClient(pool, backend)).toBe(before);
    const { rows } = await withClient(pool, (client) => client.query("select to_regclass('public.undone') as it"));
    expect(rows).toEqual([{ it: null }]);
  });

  it('replaces a connection on which a statement timed out', async () => {
    const before = await withClient(pool, backend);
    await expect(inTransaction(pool, (client) => client.query('select pg_sleep(5)'))).rejects.toThrow(
      /statement timeout/,
    );
    expect(await withClient(pool, backend)).not.toBe(before);
  });

  it('replaces a lost connection, also one that was lost between two queries of a borrower', async () => {
    const idle = await withClient(pool, backend);
    const end = (pid: number): Promise<unknown> => {
      const other = createPool({ url: database.urls.owner, max: 1, applicationName: 'tenantry-spec' });
      return withClient(other, (client) => client.query('select pg_terminate_backend($1)', [pid])).finally(() =>
        other.end(),
      );
    };
    await end(idle);
    await sleep(100);
    const work = withClient(pool, async (client) => {
      await end(await backend(client));
      await sleep(100);
      await client.query('select 1');
    });
    await expect(work).rejects.toThrow();
    expect(await withClient(pool, backend)).not.toBe(idle);
    expect(errors.length).toBeGreaterThan(0);
  });

  it('ends a transaction that is idle for too long', async () => {
    const work = inTransaction(pool, async (client) => {
      await client.query('select 1');
      await sleep(600);
      await client.query('select 1');
    });
    await expect(work).rejects.toThrow();
    expect(await withClient(pool, backend)).toBeGreaterThan(0);
  });

  it('waits only for a limited time for a free connection', async () => {
    const exhausted = createPool({
      url: database.urls.app,
      max: 1,
      applicationName: 'tenantry-spec',
      connectionTimeoutMs: 2_000,
    });
    const borrowed = await exhausted.connect();
    await expect(withClient(exhausted, backend)).rejects.toThrow(/timeout/);
    borrowed.release();
    await exhausted.end();
  });
});
