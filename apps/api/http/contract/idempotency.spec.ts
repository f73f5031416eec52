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
  let queries = 0;

  beforeAll(async () => {
    database = await createTestDatabase();
    owner = new Client({ connectionString: database.urls.owner });
    await owner.connect();
    pool = createPool({ url: database.urls.app, max: 10, applicationName: 'spec' });
    pool.on('acquire', () => {
      queries += 1;
    });
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
    queries = 0;
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

  it('causes no database query if the header is missing', async () => {
    await post(undefined);
    expect(queries).toBe(0);
  });

  it('causes two database queries, and one for a replay', async () => {
    await post('k1');
    expect(queries).toBe(2);
    await post('k1');
    expect(queries).toBe(3);
  });

  it('replays the first answer byte for byte in any process, and runs the command once', async () => {
    const first = await post('k1');
    const second = await post('k1', undefined, undefined, other);
    expect(script.runs).toHaveLength(1);
    expect(second.statusCode).toBe(first.statusCode);
    expect(second.rawPayload).toEqual(first.rawPayload);
    expect(second.headers['content-type']).toBe(first.headers['content-type']);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
  });

  it('replays an ETag and an answer without a body', async () => {
    const url = '/v1/things/0198c0de-0000-7000-8000-000000000001';
    const headers = { ...asUser(), 'idempotency-key': 'k1' };
    await app.inject({ method: 'PATCH', url, headers });
    expect((await app.inject({ method: 'PATCH', url, headers })).headers['etag']).toMatch(/^"8\./);
    const removing = { method: 'DELETE', url, headers: { ...headers, 'idempotency-key': 'k2' } } as const;
    await app.inject(removing);
    const again = await app.inject(removing);
    expect([again.statusCode, again.body, again.headers['idempotent-replayed']]).toEqual([204, '', 'true']);
  });

  it.each([
    ['validation-failed', 400],
    ['unauthenticated', 401],
    ['plan-limit-reached', 402],
    ['forbidden', 403],
    ['not-found', 404],
    ['conflict', 409],
    ['precondition-failed', 412],
  ] as const)('runs a request again that was refused with %s', async (problem, status) => {
    script.during = async () => {
      throw new Problem(problem, { detail: 'Refused.' });
    };
    expect((await post('k1')).statusCode).toBe(status);
    script.during = async () => undefined;
    const second = await post('k1');
    expect([second.statusCode, second.headers['idempotent-replayed']]).toEqual([201, undefined]);
    expect((await post('k1')).headers['idempotent-replayed']).toBe('true');
    const [first, repeated] = script.runs;
    expect(repeated?.commandId).toBe(first?.commandId);
  });

  it.each([
    ['another body', { url: '/v1/things', payload: { name: 'Other' } }],
    ['another path', { url: '/v1/anonymous', payload: {} }],
  ])('refuses the same key for %s', async (_, change) => {
    await post('k1');
    const headers = { ...asUser(), 'idempotency-key': 'k1' };
    const answer = await app.inject({ ...change, method: 'POST', headers });
    expect(answer.statusCode).toBe(422);
    expect(answer.json().type).toBe('/problems/idempotency-key-reused');
    expect(script.runs).toHaveLength(1);
  });

  it.each(['if-match', 'if-none-match'])('refuses the same key for another %s', async (name) => {
    const url = '/v1/things/0198c0de-0000-7000-8000-000000000001';
    const send = (more: object) =>
      app.inject({ method: 'PATCH', url, headers: { ...asUser(), 'idempotency-key': 'k1', ...more } });
    expect((await send({})).statusCode).toBe(200);
    expect((await send({ [name]: '"1.other"' })).statusCode).toBe(422);
  });

  it('of many simultaneous requests runs one, and answers the others 409 or with the stored answer', async () => {
    script.during = () => new Promise((done) => setTimeout(done, 50));
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) => post('k1', undefined, undefined, at % 2 ? app : other)),
    );
    expect(script.runs).toHaveLength(1);
    const statuses = answers.map(({ statusCode }) => statusCode);
    expect(statuses.filter((it) => it === 201).length).toBeGreaterThanOrEqual(1);
    expect(statuses.every((it) => it === 201 || it === 409)).toBe(true);
    const busy = answers.find(({ statusCode }) => statusCode === 409);
    expect(busy?.json().type).toBe('/problems/request-in-progress');
    expect(busy?.headers['retry-after']).toBe('1');
  });

  it('belongs to one user in one tenant', async () => {
    await post('k1');
    await post('k1', undefined, asUser(TENANT_B));
    await post('k1', undefined, asUser(TENANT_A, '0198c0de-0000-7000-8000-000000000002'));
    expect(script.runs).toHaveLength(3);
    expect(new Set(script.runs.map(({ commandId }) => commandId)).size).toBe(3);
  });

  it('belongs to one address if no user is signed in', async () => {
    const sendFrom = (remoteAddress: string) =>
      app.inject({ method: 'POST', url: '/v1/anonymous', headers: { 'idempotency-key': 'k1' }, remoteAddress });
    const first = await sendFrom('10.0.0.1');
    expect((await sendFrom('10.0.0.1')).body).toBe(first.body);
    await sendFrom('10.0.0.2');
    expect(script.runs).toHaveLength(2);
  });

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

  it.each(['', ' ', 'x'.repeat(256), 'a\tb', 'caf\u00e9', 'a\u007fb'])('refuses the key %j', async (key) => {
    const answer = await post(key);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors[0].pointer).toBe('/header/Idempotency-Key');
    expect(answer.json().detail).toBe('/header/Idempotency-Key must be 1 to 255 printable ASCII characters.');
    expect(queries).toBe(0);
  });

  it('is ignored on a read', async () => {
    await app.inject({ url: '/v1/things', headers: { ...asUser(), 'idempotency-key': 'k1' } });
    expect(queries).toBe(0);
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
