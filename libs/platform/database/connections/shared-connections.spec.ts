import { setTimeout as sleep } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { uuidv7 } from '../../ids/uuid';
import { type ScopePrelude, scopedQuery } from '../scoped/scoped-query';
import { createPool } from './pools';
import { createSharedConnections } from './shared-connections';

const PID = { name: 'pid', text: 'select pg_backend_pid() as pid' };
const SLEEP = { name: 'sleep', text: 'select pg_sleep($1::float8)::text' };
const FAIL = { name: 'fail', text: 'select 1 / $1::integer' };

describe('shared connections', () => {
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

  it('are one connection for few queries, and at most half of the pool for many', async () => {
    expect(new Set(await many(16)).size).toBe(1);
    expect(new Set(await many(200)).size).toBe(2);
    expect(pool.totalCount).toBe(2);
    expect(pool.idleCount).toBe(2);
  });

  it('are not shared where the pool does not have the option pipeline', async () => {
    const plain = createPool({ url: database.urls.app, max: 3, applicationName: 'plain' });
    const unshared = createSharedConnections(plain);
    const pids = await Promise.all(
      Array.from({ length: 9 }, () =>
        unshared(async (client) => {
          await client.query({ ...SLEEP, values: [0.01] });
          return (await client.query<{ pid: number }>(PID)).rows[0]?.pid;
        }),
      ),
    );
    expect(new Set(pids).size).toBe(3);
    await plain.end();
  });

  it('send no query behind a slow one while another connection may be opened', async () => {
    await many(1);
    let isDone = false;
    const slow = shared((client) => client.query({ ...SLEEP, values: [2] })).then(() => {
      isDone = true;
    });
    await sleep(100);
    const others = await many(16);
    expect(isDone).toBe(false);
    expect(new Set(others).size).toBe(1);
    await slow;
  });

  it('fail no other query when one fails', async () => {
    const failing = shared((client) => client.query({ ...FAIL, values: [0] }));
    const others = many(8);
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    const [used] = await others;
    expect(await pid()).toBe(used);
    expect(pool.idleCount).toBe(pool.totalCount);
  });

  it('that are lost are not lent again, and all queries in progress on them fail', async () => {
    const owner = createPool({ url: database.urls.owner, max: 1, applicationName: 'owner' });
    const [before] = await many(1);
    const queries = Promise.allSettled([
      shared((client) => client.query({ ...SLEEP, values: [5] })),
      ...[1, 2].map(pid),
    ]);
    const asleep = `select 1 from pg_stat_activity where pid = $1 and state = 'active' and query like '%pg_sleep%'`;
    while ((await owner.query(asleep, [before])).rowCount === 0) await sleep(5);
    await owner.query('select pg_terminate_backend($1)', [before]);
    expect((await queries).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(await many(3)).not.toContain(before);
    await owner.end();
  });

  it('return to the pool for a borrower that needs a connection alone, also under constant load', async () => {
    const narrow = createPool({ url: database.urls.app, max: 1, applicationName: 'narrow', pipeline: true });
    const sharedOne = createSharedConnections(narrow);
    let isLoaded = true;
    const load = Array.from({ length: 8 }, async (_, at) => {
      // The loops begin at different times, so that the connection is never idle.
      await sleep(at * 5);
      while (isLoaded) await sharedOne((client) => client.query({ ...SLEEP, values: [0.005] }));
    });
    await sleep(50);
    const client = await narrow.connect();
    isLoaded = false;
    client.release();
    await Promise.all(load);
    await narrow.end();
  });

  it('never return the answer of another scope: the query fails and the connection is closed', async () => {
    const [a, b] = [uuidv7(), uuidv7()];
    const scope = (tenantId: string): [ScopePrelude] => [
      { name: 'scope', text: `select set_config('app.tenant_id', $1, true)`, values: [tenantId] },
    ];
    const seen = { name: 'seen', text: `select current_setting('app.tenant_id', true) as tenant` };
    const ask = (tenantId: string) => shared(async (client) => (await scopedQuery(client, seen, scope(tenantId))).rows);
    await ask(a);
    expect(await Promise.all([ask(a), ask(b)])).toEqual([[{ tenant: a }], [{ tenant: b }]]);

    let connection: PoolClient | undefined;
    const slow = shared((client) => {
      connection = client;
      return client.query({ ...SLEEP, values: [0.5] });
    });
    const queries = [ask(a), ask(b), ask(a)];
    await new Promise(setImmediate);
    swapNextTwo(connection as PoolClient);
    const [first, second, third] = await Promise.allSettled(queries);
    expect([first?.status, second?.status]).toEqual(['rejected', 'rejected']);
    // The third answer may have arrived in the same packet. It is not swapped, so it is the right one.
    if (third?.status === 'fulfilled') expect(third.value).toEqual([{ tenant: a }]);
    await slow;
    expect(await ask(b)).toEqual([{ tenant: b }]);
    expect(await shared(async (client) => client)).not.toBe(connection);
  });
});

/** Makes the client assign the answers of its next two queries to each other. */
const swapNextTwo = (client: PoolClient): void => {
  const { _sentQueryQueue: sent } = client as unknown as { readonly _sentQueryQueue: unknown[] };
  if (sent.length < 2) throw new Error('fewer than two queries are in progress');
  sent.splice(0, 2, sent[1], sent[0]);
};
