import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { asUser, createToyApp, TENANT_B } from '../testing/toy-app';
import { addressKey } from './rate-limits';
import { createMemoryLimiter } from './rate-window';

const per = (limit: number) => ({ limit, windowSeconds: 60 });

describe('rate limits', () => {
  let app: NestFastifyApplication;
  beforeEach(async () => {
    app = await createToyApp({ rateLimits: { tenant: per(3), anonymous: per(2), named: { signin: per(1) } } });
  });
  afterEach(() => app.close());

  const statuses = async (times: number, ask: () => Promise<{ statusCode: number }>): Promise<number[]> => {
    const seen: number[] = [];
    for (let at = 0; at < times; at++) seen.push((await ask()).statusCode);
    return seen;
  };

  it('say on each answer what is left', async () => {
    const answer = await app.inject({ url: '/v1/things', headers: asUser() });
    expect(answer.headers['ratelimit-policy']).toBe('"tenant";q=3;w=60');
    expect(answer.headers['ratelimit']).toMatch(/^"tenant";r=2;t=(59|60)$/);
  });

  it('count a tenant’s requests together, and each tenant by itself', async () => {
    const [one, two] = ['1', '2'].map((it) => asUser(undefined, `0198c0de-0000-7000-8000-00000000000${it}`));
    const ask = (headers: object | undefined) => app.inject({ url: '/v1/things', headers: { ...headers } });
    expect(await statuses(2, () => ask(one))).toEqual([200, 200]);
    expect(await statuses(2, () => ask(two))).toEqual([200, 429]);
    expect(await statuses(1, () => ask(asUser(TENANT_B)))).toEqual([200]);
  });

  it('count strangers by their address', async () => {
    const ask = (remoteAddress: string) => () => app.inject({ url: '/v1/open', remoteAddress });
    expect(await statuses(3, ask('10.0.0.1'))).toEqual([200, 200, 429]);
    expect(await statuses(1, ask('10.0.0.2'))).toEqual([200]);
  });

  it('tell who is over them when to come back', async () => {
    await statuses(2, () => app.inject({ url: '/v1/open' }));
    const answer = await app.inject({ url: '/v1/open' });
    expect(answer.json()).toMatchObject({ type: '/problems/rate-limited', status: 429 });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(55);
    expect(answer.headers['ratelimit']).toMatch(/^"anonymous";r=0;t=/);
  });

  it('can be stricter for a route', async () => {
    const ask = () => app.inject({ method: 'POST', url: '/v1/signin' });
    const first = await ask();
    expect(first.headers['ratelimit-policy']).toBe('"signin";q=1;w=60');
    expect(await statuses(1, ask)).toEqual([429]);
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

  it('leave probes alone', async () => {
    expect(await statuses(5, () => app.inject({ url: '/healthz' }))).toEqual([200, 200, 200, 200, 200]);
  });

  it('are whole again when the window ends', () => {
    let now = 0;
    const limiter = createMemoryLimiter({ name: 'x', limit: 1, windowSeconds: 10 }, () => now);
    const left = () => (limiter.consume('k') as { remaining: number }).remaining;
    expect([left(), left(), left()]).toEqual([0, -1, -1]);
    now = 9_999;
    expect(left()).toBe(-1);
    now = 10_000;
    expect(left()).toBe(0);
  });

  it('take no more memory than they are given', () => {
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
  ])('take %s for %s', (address, key) => {
    expect(addressKey(address)).toBe(key);
  });

  it('take back what was counted, and no more than that', () => {
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
