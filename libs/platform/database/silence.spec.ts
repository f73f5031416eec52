import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { databaseTarget, startProxy, type TcpProxy } from '../../../test/support/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '../../testing/database';
import { createPool, inTransaction, withClient } from './pools';
import { createSharing } from './shared-connections';

jest.setTimeout(20_000);

/** Longer than a spec may take: what is found out is found out without it. */
const DEADLINE_MS = 60_000;

describe('a connection that the network has lost in silence', () => {
  let database: TestDatabase;
  let proxy: TcpProxy;
  let pool: Pool;

  beforeAll(async () => {
    database = await createTestDatabase();
    proxy = await startProxy(databaseTarget(database.urls.app));
  });
  beforeEach(() => {
    pool = createPool({
      url: proxy.through(database.urls.app),
      max: 4,
      applicationName: 'silence',
      statementTimeoutMs: DEADLINE_MS,
      idleInTransactionTimeoutMs: DEADLINE_MS,
      pipeline: true,
      onError: () => {},
    });
  });
  afterEach(async () => {
    await proxy.heal();
    await pool.end();
  });
  afterAll(async () => {
    await proxy.close();
    await database.drop();
  });

  const pidOf = async (client: PoolClient): Promise<number> =>
    (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid as number;
  const lost = { code: 'ETIMEDOUT' };

  it('is found out while it is waited on, and so are those that lie idle', async () => {
    const before = await Promise.all([1, 2, 3].map(() => withClient(pool, pidOf)));
    proxy.blackHole();
    await proxy.heal();
    await expect(withClient(pool, pidOf)).rejects.toMatchObject(lost);
    const after = await Promise.all([1, 2, 3].map(() => withClient(pool, pidOf)));
    expect(new Set([...before, ...after]).size).toBe(6);
  });

  it('is found out by all who share it, and by who has a transaction open', async () => {
    const shared = createSharing(pool);
    await shared(pidOf);
    const transaction = inTransaction(pool, async (client) => {
      await pidOf(client);
      proxy.blackHole();
      await proxy.heal();
      await pidOf(client);
    });
    await expect(transaction).rejects.toMatchObject(lost);
    expect(await shared(pidOf)).toBeGreaterThan(0);

    proxy.blackHole();
    await proxy.heal();
    const answers = await Promise.allSettled([1, 2, 3].map(() => shared(pidOf)));
    for (const answer of answers) expect(answer).toMatchObject({ status: 'rejected', reason: lost });
    expect(await shared(pidOf)).toBeGreaterThan(0);
  });

  it('is found out once its server is there again', async () => {
    await withClient(pool, pidOf);
    proxy.blackHole();
    let waits = true;
    const asked = withClient(pool, pidOf).finally(() => {
      waits = false;
    });
    const heard = expect(asked).rejects.toMatchObject(lost);
    await sleep(3_500);
    expect(waits).toBe(true);
    await proxy.heal();
    await heard;
  });

  it('is not taken for one whose statement is slow, waits for a lock, or has not been asked for anything', async () => {
    const pids = await Promise.all([
      withClient(pool, async (client) => {
        await client.query('select pg_sleep(3.5)');
        return pidOf(client);
      }),
      withClient(pool, async (client) => {
        const before = await pidOf(client);
        await sleep(3_500);
        expect(await pidOf(client)).toBe(before);
        return before;
      }),
      inTransaction(pool, async (client) => {
        await client.query('select pg_advisory_xact_lock(1)');
        await sleep(3_500);
        return pidOf(client);
      }),
      sleep(200).then(() =>
        inTransaction(pool, async (client) => {
          await client.query('select pg_advisory_xact_lock(1)');
          return pidOf(client);
        }),
      ),
    ]);
    expect(new Set(pids).size).toBe(4);
  });
});
