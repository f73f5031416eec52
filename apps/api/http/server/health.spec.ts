import { silentLogger } from '#platform/logging/logger.port';
import { createMetricsRegistry, servesMetrics } from '#platform/metrics';
import { createReadiness } from '#platform/readiness/readiness';
import { createToyApp, script } from '../testing/toy-app';

const describeCheck = (name: string) => ({
  name,
  message: `The ${name} is not available.`,
  runbook: 'docs/runbooks/readiness.md',
});

describe('the routes for probes and metrics', () => {
  it('name the failing checks without waiting for them', async () => {
    let isDatabaseReady = true;
    const readiness = createReadiness({ logger: silentLogger });
    readiness.add(
      { ...describeCheck('event log'), run: () => new Promise(() => undefined) },
      {
        ...describeCheck('database'),
        run: async () => {
          if (!isDatabaseReady) throw new Error('password authentication failed for user "tenantry_app"');
        },
      },
    );
    const app = await createToyApp({ readiness });
    const started = Date.now();
    const first = await app.inject({ url: '/readyz' });
    expect(Date.now() - started).toBeLessThan(1_500);
    expect(first.statusCode).toBe(503);
    expect(first.headers['content-type']).toMatch(/problem\+json/);
    expect(first.headers['retry-after']).toBe('1');
    expect(first.json()).toMatchObject({ type: '/problems/dependency-unavailable', missing: ['event log'] });
    isDatabaseReady = false;
    // The result of the checks is reused for a short time.
    await new Promise((done) => setTimeout(done, 400));
    const second = await app.inject({ url: '/readyz' });
    expect(second.json().missing).toEqual(['event log', 'database']);
    expect(second.json().failing).toEqual([describeCheck('event log'), describeCheck('database')]);
    expect(second.body).not.toMatch(/password/);
    expect((await app.inject({ url: '/healthz' })).json()).toEqual({ status: 'ok' });
    await app.close();
  });

  it('share one run of the checks', async () => {
    let checks = 0;
    const readiness = createReadiness({ logger: silentLogger });
    readiness.add({ ...describeCheck('database'), run: async () => ++checks });
    const app = await createToyApp({ readiness });
    await Promise.all(Array.from({ length: 50 }, () => app.inject({ url: '/readyz' })));
    expect(checks).toBe(1);
    await app.close();
  });

  it('serve the metrics only to a request with the token, if there is one', async () => {
    const metricsToken = 'a-token-for-the-metrics';
    const app = await createToyApp({ registry: createMetricsRegistry(), metricsToken });
    const get = (authorization?: string) =>
      app.inject({ url: '/metrics', headers: { ...(authorization !== undefined && { authorization }) } });
    for (const wrong of [undefined, '', metricsToken, `Bearer ${metricsToken}x`, `Basic ${metricsToken}`]) {
      const refused = await get(wrong);
      expect([refused.statusCode, refused.headers['www-authenticate']]).toEqual([401, 'Bearer']);
      expect(refused.body).not.toMatch(/process_cpu/);
    }
    expect((await get(`Bearer ${metricsToken}`)).body).toMatch(/process_cpu/);
    await app.close();
  });

  it.each([
    [{ metrics: true }, true],
    [{ metrics: true, nodeEnv: 'development' }, true],
    [{ metrics: true, nodeEnv: 'production' }, false],
    [{ metrics: true, nodeEnv: 'production', metricsToken: 'a-token' }, true],
    [{ metrics: false, metricsToken: 'a-token' }, false],
  ])('serve the metrics with the settings %j: %s', (settings, expected) =>
    expect(servesMetrics(settings)).toBe(expected),
  );

  it('count requests by route and not by path', async () => {
    const app = await createToyApp({ registry: createMetricsRegistry() });
    await app.inject({ url: '/v1/things/0198c0de-0000-7000-8000-000000000001' });
    await app.inject({ url: '/a/path/of/an/attacker' });
    const { body, headers } = await app.inject({ url: '/metrics' });
    expect(headers['content-type']).toMatch(/^text\/plain/);
    expect(body).toMatch(
      /http_request_duration_seconds_count\{method="GET",route="\/v1\/things\/:id",status="401"\} 1/,
    );
    expect(body).toMatch(/route="none",status="404"\} 1/);
    expect(body).not.toMatch(/attacker/);
    expect(body).toMatch(/nodejs_eventloop_lag_seconds/);
    await app.close();
  });

  it('have no metrics by default', async () => {
    const app = await createToyApp();
    expect((await app.inject({ url: '/metrics' })).statusCode).toBe(404);
    await app.close();
  });
});

describe('an overloaded server', () => {
  afterEach(() => script.reset());
  const holdRequests = () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((done) => {
      release = done;
    });
    script.during = () => released;
    return () => release();
  };

  it('answers 503 above the maximum number of simultaneous requests, and still answers probes', async () => {
    const app = await createToyApp({ maxInFlight: 2 });
    const release = holdRequests();
    const waiting = [app.inject({ url: '/v1/slow' }), app.inject({ url: '/v1/slow' })];
    await new Promise((done) => setTimeout(done, 50));
    const refused = await app.inject({ url: '/v1/open' });
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('1');
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
    release();
    expect((await Promise.all(waiting)).map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect((await app.inject({ url: '/v1/open' })).statusCode).toBe(200);
    await app.close();
  });

  it('answers a request that takes too long 503, once, and drops its later result', async () => {
    const app = await createToyApp({ requestTimeoutMs: 100 });
    const release = holdRequests();
    const slow = app.inject({ url: '/v1/slow' });
    const patient = app.inject({ url: '/v1/patient' });
    const answer = await slow;
    expect(answer.statusCode).toBe(503);
    expect(answer.json()).toMatchObject({ type: '/problems/dependency-unavailable' });
    release();
    expect((await patient).statusCode).toBe(200);
    await app.close();
  });

  it('answers 503 while the event loop is delayed, and recovers', async () => {
    const app = await createToyApp({ maxEventLoopDelayMs: 200 });
    const until = Date.now() + 1_500;
    while (Date.now() < until);
    await new Promise((done) => setTimeout(done, 50));
    const refused = await app.inject({ url: '/v1/open' });
    expect(refused.statusCode).toBe(503);
    expect(refused.headers['retry-after']).toBe('2');
    expect((await app.inject({ url: '/healthz' })).statusCode).toBe(200);
    await new Promise((done) => setTimeout(done, 2_500));
    expect((await app.inject({ url: '/v1/open' })).statusCode).toBe(200);
    await app.close();
  });
});
