import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { asUser, createToyApp, TENANT_B } from '../testing/toy-app';
import { addressKey } from './rate-limits';
import { createMemoryLimiter } from './rate-window';

const perMinute = (limit: number) => ({ limit, windowSeconds: 60 });

describe('rate limits', () => {
  let app: NestFastifyApplication;
  beforeEach(async () => {
    app = await createToyApp({
      rateLimits: { tenant: perMinute(3), anonymous: perMinute(2), named: { signin: perMinute(1) } },
    });
  });
  afterEach(() => app.close());

  const statuses = async (times: number, send: () => Promise<{ statusCode: number }>): Promise<number[]> => {
    const seen: number[] = [];
    for (let at = 0; at < times; at++) seen.push((await send()).statusCode);
    return seen;
  };

  it('are sent with each answer, with the requests that are left', async () => {
    const answer = await app.inject({ url: '/v1/things', headers: asUser() });
    expect(answer.headers['ratelimit-policy']).toBe('"tenant";q=3;w=60');
    expect(answer.headers['ratelimit']).toMatch(/^"tenant";r=2;t=(59|60)$/);
  });

  it('count the requests of all users of a tenant together, and each tenant separately', async () => {
    const [one, two] = ['1', '2'].map((it) => asUser(undefined, `0198c0de-0000-7000-8000-00000000000${it}`));
    const send = (headers: object | undefined) => app.inject({ url: '/v1/things', headers: { ...headers } });
    expect(await statuses(2, () => send(one))).toEqual([200, 200]);
    expect(await statuses(2, () => send(two))).toEqual([200, 429]);
    expect(await statuses(1, () => send(asUser(TENANT_B)))).toEqual([200]);
  });

  it('count requests without a token by client address', async () => {
    const sendFrom = (remoteAddress: string) => () => app.inject({ url: '/v1/open', remoteAddress });
    expect(await statuses(3, sendFrom('10.0.0.1'))).toEqual([200, 200, 429]);
    expect(await statuses(1, sendFrom('10.0.0.2'))).toEqual([200]);
  });

  it('send Retry-After with a refusal', async () => {
    await statuses(2, () => app.inject({ url: '/v1/open' }));
    const answer = await app.inject({ url: '/v1/open' });
    expect(answer.json()).toMatchObject({ type: '/problems/rate-limited', status: 429 });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(55);
    expect(answer.headers['ratelimit']).toMatch(/^"anonymous";r=0;t=/);
  });

  it('can be lower for a route', async () => {
    const signIn = () => app.inject({ method: 'POST', url: '/v1/signin' });
    const first = await signIn();
    expect(first.headers['ratelimit-policy']).toBe('"signin";q=1;w=60');
    expect(await statuses(1, signIn)).toEqual([429]);
    expect(await statuses(1, () => app.inject({ url: '/v1/open' }))).toEqual([200]);
  });

  it.each<[string, object]>([
    ['unknown paths', { url: '/nothing' }],
    ['tokens that are not valid', { url: '/v1/things', headers: { authorization: 'Bearer x' } }],
    [
      'malformed bodies',
      { method: 'POST', url: '/v1/signin', headers: { 'content-type': 'application/json' }, payload: '{' },
    ],
  ])('count %s too', async (_, request) => {
    const answers = await statuses(3, () => app.inject(request));
    expect(answers.slice(0, 2)).not.toContain(429);
    expect(answers[2]).toBe(429);
  });

  it('do not count probes', async () => {
    expect(await statuses(5, () => app.inject({ url: '/healthz' }))).toEqual([200, 200, 200, 200, 200]);
  });

  it('start again when the window ends', () => {
    let now = 0;
    const limiter = createMemoryLimiter({ name: 'x', limit: 1, windowSeconds: 10 }, () => now);
    const left = () => (limiter.consume('k') as { remaining: number }).remaining;
    expect([left(), left(), left()]).toEqual([0, -1, -1]);
    now = 9_999;
    expect(left()).toBe(-1);
    now = 10_000;
    expect(left()).toBe(0);
  });

  it('use bounded memory for any number of keys', () => {
    const limiter = createMemoryLimiter({ name: 'x', limit: 1, windowSeconds: 10 }, () => 0);
    const before = process.memoryUsage().heapUsed;
    for (let at = 0; at < 500_000; at++) limiter.consume(`k${at}`);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(100 * 1024 * 1024);
  });

  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::9', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
  ])('count the address %s by the key %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('can take back a count, but never go above the limit', () => {
    let now = 0;
    const limiter = createMemoryLimiter({ name: 'x', limit: 2, windowSeconds: 10 }, () => now);
    const left = () => (limiter.consume('k') as { remaining: number }).remaining;
    limiter.restore('unknown');
    expect(left()).toBe(1);
    for (let at = 0; at < 3; at++) limiter.restore('k');
    expect([left(), left(), left()]).toEqual([1, 0, -1]);
    now = 10_000;
    limiter.restore('k');
    expect([left(), left(), left()]).toEqual([1, 0, -1]);
  });
});
