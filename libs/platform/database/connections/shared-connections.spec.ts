import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { uuidv7 } from '../../ids/uuid';
import { type ScopeFront, scopedQuery } from '../scoped/scoped-query';
import { createPool } from './pools';
import { createSharedConnections } from './shared-connections';

const PID = { name: 'pid', text: 'select pg_backend_pid() as pid' };
const SLEEP = { name: 'sleep', text: 'select pg_sleep($1::float8)::text' };
const FAIL = { name: 'fail', text: 'select 1 / $1::integer' };

describe('connections that are shared', () => {
  let database: TestDatabase;
  let pool: Pool;
  let shared: ReturnType<typeof createSharedConnections>;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    pool = createPool({ url: database.urls.app, max: 4, applicationName: 'shared', pipeline: true, onError: () => {} });
    shared = createSharedConnections(pool);
  });
  afterEach(() => pool.end());

  const pid = (): Promise<number> =>
    shared(async (client) => (await client.query<{ pid: number }>(PID)).rows[0]?.pid as number);
  const many = (n: number): Promise<number[]> => Promise.all(Array.from({ length: n }, pid));

  it('are one for a few, and never more than half of the pool', async () => {
    expect(new Set(await many(16)).size).toBe(1);
    expect(new Set(await many(200)).size).toBe(2);
    expect(pool.totalCount).toBe(2);
    expect(pool.idleCount).toBe(2);
  });

  it('are not shared where the pool is not made for it', async () => {
    const plain = createPool({ url: database.urls.app, max: 3, applicationName: 'alone' });
    const alone = createSharedConnections(plain);
    const pids = await Promise.all(
      Array.from({ length: 9 }, () =>
        alone(async (client) => {
          await client.query({ ...SLEEP, values: [0.01] });
          return (await client.query<{ pid: number }>(PID)).rows[0]?.pid;
        }),
      ),
    );
    expect(new Set(pids).size).toBe(3);
    await plain.end();
  });

  it('let nobody wait for a slow query while there is another', async () => {
    await many(1);
    let slept = false;
    const slow = shared((client) => client.query({ ...SLEEP, values: [2] })).then(() => {
      slept = true;
    });
    await sleep(100);
    const others = await many(16);
    expect(slept).toBe(false);
    expect(new Set(others).size).toBe(1);
    await slow;
  });

  it('take nobody along with a query that fails', async () => {
    const failing = shared((client) => client.query({ ...FAIL, values: [0] }));
    const others = many(8);
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    const [used] = await others;
    expect(await pid()).toBe(used);
    expect(pool.idleCount).toBe(pool.totalCount);
  });

  it('are not lent again once one is lost, and queries in progress on it fail', async () => {
    const owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'owner' });
    const [before] = await many(1);
    const under = Promise.allSettled([shared((client) => client.query({ ...SLEEP, values: [5] })), ...[1, 2].map(pid)]);
    const asleep = `select 1 from pg_stat_activity where pid = $1 and state = 'active' and query like '%pg_sleep%'`;
    while ((await owner.query(asleep, [before])).rowCount === 0) await sleep(5);
    await owner.query('select pg_terminate_backend($1)', [before]);
    expect((await under).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await many(3)).not.toContain(before);
    await owner.end();
  });

  it('leave one for who needs it alone, however many queries keep coming', async () => {
    const narrow = createPool({ url: database.urls.app, max: 1, applicationName: 'narrow', pipeline: true });
    const only = createSharedConnections(narrow);
    let going = true;
    const load = Array.from({ length: 8 }, async (_, at) => {
      // One after the other, so that the connection never has nothing to do.
      await sleep(at * 5);
      while (going) await only((client) => client.query({ ...SLEEP, values: [0.005] }));
    });
    await sleep(50);
    const client = await narrow.connect();
    going = false;
    client.release();
    await Promise.all(load);
    await narrow.end();
  });

  it('show nobody an answer that was of another scope, and are closed then', async () => {
    const [a, b] = [uuidv7(), uuidv7()];
    const scope = (tenantId: string): [ScopeFront] => [
      { name: 'scope', text: `select set_config('app.tenant_id', $1, true)`, values: [tenantId] },
    ];
    const seen = { name: 'seen', text: `select current_setting('app.tenant_id', true) as tenant` };
    const ask = (tenantId: string) => shared(async (client) => (await scopedQuery(client, seen, scope(tenantId))).rows);
    await ask(a);
    expect(await Promise.all([ask(a), ask(b)])).toEqual([[{ tenant: a }], [{ tenant: b }]]);

    let partition: PoolClient | undefined;
    const holding = shared((client) => {
      partition = client;
      return client.query({ ...SLEEP, values: [0.5] });
    });
    const queries = [ask(a), ask(b), ask(a)];
    await new Promise(setImmediate);
    swapNextTwo(partition as PoolClient);
    const [first, second, third] = await Promise.allSettled(queries);
    expect([first?.status, second?.status]).toEqual(['rejected', 'rejected']);
    // It may have come with them, and is its own.
    if (third?.status === 'fulfilled') expect(third.value).toEqual([{ tenant: a }]);
    await holding;
    expect(await ask(b)).toEqual([{ tenant: b }]);
    expect(await shared(async (client) => client)).not.toBe(partition);
  });
});

/** The client loses count, and takes the answer to each of two queries for that to the other. */
const swapNextTwo = (client: PoolClient): void => {
  const { _sentQueryQueue: sent } = client as unknown as { readonly _sentQueryQueue: unknown[] };
  if (sent.length < 2) throw new Error('nothing is under way that could be taken for something else');
  sent.splice(0, 2, sent[1], sent[0]);
};
