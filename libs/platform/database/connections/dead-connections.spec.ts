import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { databaseTarget, startProxy, type TcpProxy } from '#test/support/tcp-proxy';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { createNotifications, MISSED } from './notifications';
import { createPool, inTransaction, withClient } from './pools';
import { createSharedConnections } from './shared-connections';

jest.setTimeout(40_000);

/** Longer than a spec may take: what is found out is found out without it. */
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
  const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await condition())) await sleep(20);
  };

  it('is found out while it is waited on, and so are those that lie idle', async () => {
    const before = await Promise.all([1, 2, 3].map(() => withClient(pool, pidOf)));
    proxy.blackHole();
    await proxy.heal();
    await expect(withClient(pool, pidOf)).rejects.toMatchObject(lost);
    const after = await Promise.all([1, 2, 3].map(() => withClient(pool, pidOf)));
    expect(new Set([...before, ...after]).size).toBe(6);
  });

  it('is found out by all who share it, and by who has a transaction open', async () => {
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

  it('is found out by a user who takes a connection from the pool itself, as a library does', async () => {
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

  it('is found out by a wake-up that is sent over it, and the next one arrives', async () => {
    const connectionString = database.urls.app;
    const sender = createNotifications({ channel: 'silence', connectionString, pool });
    const heard = new Set<string>();
    const listener = createNotifications({
      channel: 'silence',
      connectionString,
      pool,
      onRemote: (message) => heard.add(message),
    });
    listener.start();
    await until(() => heard.has(MISSED));
    await sender.tell('first');
    await until(() => heard.has('first'));
    proxy.blackHole();
    await proxy.heal();
    heard.clear();
    await until(async () => {
      sender.notify();
      return heard.size > 0;
    });
    await Promise.all([sender.close(), listener.close()]);
  });

  it('is found out by who listens for wake-ups on it', async () => {
    let missed = 0;
    const listener = createNotifications({
      ...{ channel: 'silence', connectionString: proxy.through(database.urls.app), pool },
      onRemote: (message) => {
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
