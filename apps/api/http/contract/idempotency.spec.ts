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
});
