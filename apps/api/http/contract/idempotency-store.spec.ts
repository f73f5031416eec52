import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Client, type Pool } from 'pg';
import { createPool } from '#platform/database/connections/pools';
import { createPostgresIdempotencyStore, type IdempotencyStore } from '#platform/idempotency/store';
import { Problem } from '#platform/problems';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { asUser, createToyApp, script, TENANT_A, TENANT_B } from '../testing/toy-app';

/** The answers of the test contain no tokens. */
const withTokens = (store: IdempotencyStore) => ({ store, isUsableToken: async () => false });

describe('Idempotency-Key', () => {
  let database: TestDatabase;
  let owner: Client;
  let pool: Pool;
  let app: NestFastifyApplication;
  let other: NestFastifyApplication;

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new Client({ connectionString: database.urls.owner });
    await owner.connect();
    pool = createPool({ url: database.urls.app, max: 10, applicationName: 'spec' });
    const idempotency = withTokens(createPostgresIdempotencyStore(pool));
    app = await createToyApp({ idempotency });
    other = await createToyApp({ idempotency });
  });
  afterAll(async () => {
    await Promise.all([app.close(), other.close()]);
    await pool.end();
    await owner.end();
    await database.drop();
  });
  beforeEach(async () => {
    script.reset();
    await owner.query('delete from idempotency.keys');
  });

  const post = (key: string | undefined, payload: object = { name: 'Lamp' }, headers: object = asUser(), to = app) =>
    to.inject({
      method: 'POST',
      url: '/v1/things',
      headers: { ...headers, ...(key !== undefined && { 'idempotency-key': key }) },
      payload,
    });
  const expireLeases = () =>
    owner.query(`update idempotency.keys set leased_until = lease.now() - interval '1 second'`);

  it('stores no readable token, key, user or address', async () => {
    const headers = { 'idempotency-key': 'a-key-to-look-for' };
    await app.inject({ method: 'POST', url: '/v1/anonymous', headers, remoteAddress: '203.0.113.77' });
    await post('a-key-to-look-for');
    const { rows } = await owner.query('select k::text as text, answer from idempotency.keys k');
    expect(rows).toHaveLength(2);
    for (const { text, answer } of rows) {
      expect(text).not.toMatch(/look-for|203\.0\.113/);
      expect(answer.toString('latin1')).not.toMatch(/token|Lamp/);
    }
  });

  it.each([500, 429])('releases the key after a %d, and keeps the command id', async (status) => {
    script.during = async () => {
      throw status === 500 ? new Error('a fault') : new Problem('rate-limited', { retryAfter: 1 });
    };
    expect((await post('k1')).statusCode).toBe(status);
    script.during = async () => undefined;
    expect((await post('k1')).statusCode).toBe(201);
    const [first, second] = script.runs;
    expect(second?.commandId).toBe(first?.commandId);
    expect([first?.mayRepeat, second?.mayRepeat]).toEqual([false, true]);
  });

  it('is claimed again with the same command id after its first holder has stopped', async () => {
    script.during = () => new Promise(() => undefined);
    void post('k1');
    while (script.runs.length === 0) await new Promise((done) => setTimeout(done, 5));
    expect((await post('k1', undefined, undefined, other)).statusCode).toBe(409);
    await expireLeases();
    script.during = async () => undefined;
    expect((await post('k1', undefined, undefined, other)).statusCode).toBe(201);
    const [first, second] = script.runs;
    expect(second).toMatchObject({ commandId: first?.commandId, mayRepeat: true });
  });

  it('keeps no answer of a holder whose claim was replaced', async () => {
    let finish: (answer: unknown) => void = () => undefined;
    script.during = () => new Promise((done) => (finish = done));
    const replaced = post('k1');
    while (script.runs.length === 0) await new Promise((done) => setTimeout(done, 5));
    await expireLeases();
    script.during = async () => ({ by: 'second' });
    await post('k1');
    finish({ by: 'first' });
    expect((await replaced).json()).toEqual({ by: 'first' });
    expect((await post('k1')).json()).toEqual({ by: 'second' });
  });

  it('is deleted after 24 hours, by the next request and by the purge', async () => {
    await post('k1');
    await owner.query(`update idempotency.keys set created_at = now() - interval '25 hours'`);
    await post('k1', { name: 'Other' });
    expect(script.runs).toHaveLength(2);
    expect(script.runs[1]).toMatchObject({ mayRepeat: false });
    const store = createPostgresIdempotencyStore(pool);
    expect(await store.purge()).toBe(0);
    await owner.query(`update idempotency.keys set created_at = now() - interval '25 hours'`);
    expect(await store.purge()).toBe(1);
  });

  it('stores the user of each answer, so that the answer is deleted with the user', async () => {
    await post('k1');
    await post('k2', undefined, asUser(TENANT_B, '0198c0de-0000-7000-8000-000000000002'));
    const { rows } = await owner.query('select user_id from idempotency.keys order by user_id');
    expect(rows.map((row) => row.user_id)).toEqual([
      '0198c0de-0000-7000-8000-000000000001',
      '0198c0de-0000-7000-8000-000000000002',
    ]);
  });

  it('shows no row to a query without a tenant or with another tenant', async () => {
    await post('k1');
    const count = async (tenant: string | undefined) => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        if (tenant !== undefined) await client.query(`select set_config('app.tenant_id', $1, true)`, [tenant]);
        const { rows } = await client.query('select count(*)::integer as count from idempotency.keys');
        return rows[0].count;
      } finally {
        await client.query('rollback');
        client.release();
      }
    };
    expect(await count(undefined)).toBe(0);
    expect(await count(TENANT_B)).toBe(0);
    expect(await count(TENANT_A)).toBe(1);
  });

  it('is answered 503, and no command runs, while its store is not available', async () => {
    const unreachable = createPool({ url: 'postgres://x:y@127.0.0.1:1/none', max: 1, applicationName: 'spec' });
    const broken = await createToyApp({ idempotency: withTokens(createPostgresIdempotencyStore(unreachable)) });
    const answer = await post('k1', undefined, undefined, broken);
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['retry-after']).toBe('1');
    expect(script.runs).toEqual([]);
    await broken.close();
    await unreachable.end();
  });
});
