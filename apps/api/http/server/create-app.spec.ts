import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { BODY_LIMIT } from '../requests/json-body';
import { asUser, createToyApp, script } from '../testing/toy-app';

const JSON_TYPE = { 'content-type': 'application/json' };
const post = (payload: string | Buffer, headers: Record<string, string> = JSON_TYPE) =>
  ({ method: 'POST', url: '/v1/things', headers: { ...asUser(), ...headers }, payload }) as const;

const nested = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('the application', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp();
  });
  afterAll(() => app.close());
  beforeEach(() => script.reset());

  it.each([
    ['a body above 256 KiB', post(`{"name":"${'x'.repeat(BODY_LIMIT)}"}`), 413, 'body-too-large'],
    [
      'another media type',
      post('name=x', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
      'unsupported-media-type',
    ],
    [
      'another encoding',
      post('{"name":"x"}', { 'content-type': 'application/json; charset=iso-8859-1' }),
      415,
      'unsupported-media-type',
    ],
    ['plain text', post('x', { 'content-type': 'text/plain' }), 415, 'unsupported-media-type'],
    ['no media type', post(Buffer.from('{}'), {}), 415, 'unsupported-media-type'],
    ['a malformed media type', post('{}', { 'content-type': '/;;' }), 415, 'unsupported-media-type'],
    ['a compressed body', post('{}', { ...JSON_TYPE, 'content-encoding': 'gzip' }), 415, 'unsupported-media-type'],
    ['malformed JSON', post('{"name":'), 400, 'validation-failed'],
    ['bytes that are not UTF-8', post(Buffer.from('7b226e616d65223a22ff227d', 'hex')), 400, 'validation-failed'],
    ['33 levels of nesting', post(nested(33)), 400, 'validation-failed'],
    ['100,000 levels of nesting', post(nested(100_000)), 400, 'validation-failed'],
    ['__proto__', post('{"name":"x","__proto__":{"polluted":true}}'), 400, 'validation-failed'],
    ['an escaped __proto__', post('{"name":"x","\\u005f_proto__":{"polluted":true}}'), 400, 'validation-failed'],
    ['constructor.prototype', post('{"constructor":{"prototype":{"polluted":true}}}'), 400, 'validation-failed'],
    ['an unknown path', { url: '/v1/nothing' }, 404, 'not-found'],
    ['another method', { method: 'PUT', url: '/v1/things' }, 405, 'method-not-allowed'],
    ['OPTIONS while CORS is closed', { method: 'OPTIONS', url: '/v1/things' }, 405, 'method-not-allowed'],
    ['an escape that cannot be decoded', { url: '/v1/things/%zz' }, 400, 'validation-failed'],
    ['half of an escaped character', { url: '/v1/things/%e2%82' }, 400, 'validation-failed'],
    ['a path part of 600 characters', { url: `/v1/things/${'x'.repeat(600)}` }, 400, 'validation-failed'],
    ['no token', { url: '/v1/things' }, 401, 'unauthenticated'],
  ] as const)('answers %s with a problem document', async (_, request, status, name) => {
    const answer = await app.inject(request);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const { requestId } = answer.json();
    expect(answer.json()).toMatchObject({ type: `/problems/${name}`, status, title: expect.any(String) });
    expect(answer.headers['x-request-id']).toBe(requestId);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
    expect(script.runs).toEqual([]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('accepts 32 levels of nesting', async () => {
    const answer = await app.inject({ method: 'POST', url: '/v1/webhook', headers: JSON_TYPE, payload: nested(32) });
    expect(answer.statusCode).toBe(201);
  });

  it('lists the methods that a path accepts in Allow', async () => {
    const answer = await app.inject({ method: 'PUT', url: '/v1/things/0198c0de-0000-7000-8000-000000000001' });
    expect(answer.headers['allow']).toBe('DELETE, GET, HEAD, PATCH');
  });

  it('passes the bytes of a body to a controller unchanged', async () => {
    const payload = '{ "b" : 1.0,  "a":"\\u00e9" }';
    const answer = await app.inject({ method: 'POST', url: '/v1/webhook', headers: JSON_TYPE, payload });
    expect(answer.json().bytes).toBe(payload);
  });

  it('treats an empty JSON body as no body', async () => {
    const answer = await app.inject({ method: 'POST', url: '/v1/signin', headers: JSON_TYPE, payload: '' });
    expect(answer.statusCode).toBe(201);
  });

  it('sends WWW-Authenticate with a 401', async () => {
    const answer = await app.inject({ url: '/v1/things' });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  it('allows no origin by default', async () => {
    const answer = await app.inject({ url: '/v1/open', headers: { origin: 'https://evil.example' } });
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('does not change the path or method of a request because of a header', async () => {
    const headers = { ...asUser(), 'x-http-method-override': 'DELETE', 'x-original-url': '/v1/throws' };
    expect((await app.inject({ url: '/v1/open', headers })).json()).toEqual({ open: true });
  });
});

describe('with CORS_ORIGINS', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp({ corsOrigins: ['https://app.example.com'] });
  });
  afterAll(() => app.close());

  const preflight = (origin: string) =>
    app.inject({
      method: 'OPTIONS',
      url: '/v1/things',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'idempotency-key' },
    });

  it('allows the listed origin, and no other', async () => {
    const listed = await preflight('https://app.example.com');
    expect(listed.statusCode).toBe(204);
    expect(listed.headers['access-control-allow-origin']).toBe('https://app.example.com');
    expect(listed.headers['access-control-allow-headers']).toBe('idempotency-key');
    const other = await preflight('https://evil.example');
    expect(other.headers['access-control-allow-origin']).toBeUndefined();
  });

  it('exposes the headers of the contract to scripts, also with problems', async () => {
    const answer = await app.inject({ url: '/v1/things', headers: { origin: 'https://app.example.com' } });
    expect(answer.headers['vary']).toBe('Authorization, Origin');
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['access-control-allow-origin']).toBe('https://app.example.com');
    expect(answer.headers['access-control-expose-headers']).toMatch(/Position.*RateLimit/);
  });
});

describe('TRUST_PROXY', () => {
  const limited = { limit: 1, windowSeconds: 60 };
  const statusOfSecond = async (trustProxy: false | number | readonly string[], hops: [string, string]) => {
    const app = await createToyApp({ trustProxy, rateLimits: { tenant: limited, anonymous: limited } });
    const sendFor = (it: string) => app.inject({ url: '/v1/open', headers: { 'x-forwarded-for': it } });
    await sendFor(hops[0]);
    const { statusCode } = await sendFor(hops[1]);
    await app.close();
    return statusCode;
  };

  it('uses no X-Forwarded-For by default', async () => {
    expect(await statusOfSecond(false, ['1.1.1.1', '2.2.2.2'])).toBe(429);
  });

  it('uses the entries of the given number of proxies, and none that a client put before them', async () => {
    expect(await statusOfSecond(1, ['1.1.1.1', '2.2.2.2'])).toBe(200);
    expect(await statusOfSecond(1, ['9.9.9.9, 1.1.1.1', '8.8.8.8, 1.1.1.1'])).toBe(429);
  });

  it('ignores the ports that a proxy adds to addresses', async () => {
    expect(await statusOfSecond(1, ['1.1.1.1:5001', '1.1.1.1:5002'])).toBe(429);
    expect(await statusOfSecond(1, ['[2001:db8::7]:5001', '2001:db8::7'])).toBe(429);
    expect(await statusOfSecond(1, ['1.1.1.1:5001', '2.2.2.2:5001'])).toBe(200);
    const proxies = ['127.0.0.1', '10.0.0.0/8'];
    expect(await statusOfSecond(proxies, ['1.1.1.1, 10.0.0.1:443', '2.2.2.2, 10.0.0.1:443'])).toBe(200);
    expect(await statusOfSecond(proxies, ['1.1.1.1:5001, 10.0.0.1:443', '1.1.1.1:5002, 10.0.0.2:443'])).toBe(429);
  });

  it('uses the entries of the listed proxies', async () => {
    expect(await statusOfSecond(['127.0.0.1'], ['1.1.1.1', '2.2.2.2'])).toBe(200);
    expect(await statusOfSecond(['10.0.0.0/8'], ['1.1.1.1', '2.2.2.2'])).toBe(429);
  });
});
