import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { databaseTarget, startProxy, type TcpProxy } from '#test/support/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { createNotifications, MISSED } from './notifications';
import { createPool, inTransaction, withClient } from './pools';
import { createSharedConnections } from './shared-connections';

jest.setTimeout(40_000);

/** ms. Longer than a spec may take: a dead connection has to be detected before this deadline. */
const DEADLINE_MS = 60_000;

describe('a connection that the network has lost without an error', () => {
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
      applicationName: 'dead-connections',
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
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await sleep(20);
  };

  it('is detected while a query waits for its answer, and idle connections of the pool are replaced', async () => {
    const before = await Promise.all([1, 2, 3].map(() => withClient(pool, pidOf)));
    proxy.blackHole();
    await proxy.heal();
    await expect(withClient(pool, pidOf)).rejects.toMatchObject(lost);
    const after = await Promise.all([1, 2, 3].map(() => withClient(pool, pidOf)));
    expect(new Set([...before, ...after]).size).toBe(6);
  });

  it('is detected for all queries that share the connection, and for an open transaction', async () => {
    const shared = createSharedConnections(pool);
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

  it('is detected where a connection was borrowed from the pool directly, as a library does', async () => {
    const client = await pool.connect();
    await pidOf(client);
    proxy.blackHole();
    await proxy.heal();
    await expect(pidOf(client)).rejects.toMatchObject(lost);
    client.release(true);
    await Promise.all([1, 2].map(() => pool.query('select 1')));
    proxy.blackHole();
    await proxy.heal();
    await expect(pool.query('select 1')).rejects.toMatchObject(lost);
  });

  it('is detected where a notification is sent over it, and the next notification arrives', async () => {
    const connectionString = database.urls.app;
    const sender = createNotifications({ channel: 'dead_connections', connectionString, pool });
    const received = new Set<string>();
    const listener = createNotifications({
      channel: 'dead_connections',
      connectionString,
      pool,
      onMessage: (message) => received.add(message),
    });
    listener.start();
    await until(() => received.has(MISSED));
    await sender.broadcast('first');
    await until(() => received.has('first'));
    proxy.blackHole();
    await proxy.heal();
    received.clear();
    await until(async () => {
      sender.notify();
      return received.size > 0;
    });
    await Promise.all([sender.close(), listener.close()]);
  });

  it('is detected where the connection listens for notifications', async () => {
    let missed = 0;
    const listener = createNotifications({
      ...{ channel: 'dead_connections', connectionString: proxy.through(database.urls.app), pool },
      onMessage: (message) => {
        if (message === MISSED) missed += 1;
      },
    });
    listener.start();
    await until(() => missed === 1);
    proxy.blackHole();
    await proxy.heal();
    await until(() => missed === 2);
    await listener.close();
  });

  it('is detected once the server can be reached again', async () => {
    await withClient(pool, pidOf);
    proxy.blackHole();
    let isWaiting = true;
    const query = withClient(pool, pidOf).finally(() => {
      isWaiting = false;
    });
    const rejected = expect(query).rejects.toMatchObject(lost);
    await sleep(3_500);
    expect(isWaiting).toBe(true);
    await proxy.heal();
    await rejected;
  });

  it('is not assumed where a statement is slow or waits for a lock, or where no query was sent', async () => {
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
