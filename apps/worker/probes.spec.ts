import { createMetricsRegistry } from '#platform/metrics';
import { startProbes } from './probes';

describe('the probes of a worker', () => {
  const start = (metricsToken?: string) =>
    startProbes({
      ...{ host: '127.0.0.1', port: 0, readiness: { failing: async () => [] }, registry: createMetricsRegistry() },
      metricsToken,
    });

  it('serve the metrics only to a request with the token, if there is one', async () => {
    const probes = await start('a-token-for-the-metrics');
    const get = (authorization?: string) =>
      fetch(`${probes.url}/metrics`, { headers: { ...(authorization !== undefined && { authorization }) } });
    try {
      for (const wrong of [undefined, 'Bearer x', 'a-token-for-the-metrics']) {
        const refused = await get(wrong);
        expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
        expect(await refused.json()).toMatchObject({ type: '/problems/unauthenticated', status: 401 });
      }
      expect(await (await get('Bearer a-token-for-the-metrics')).text()).toMatch(/process_cpu/);
      expect((await fetch(`${probes.url}/readyz`)).status).toBe(200);
    } finally {
      await probes.close();
    }
  });

  it('serve the metrics to every request without a token', async () => {
    const probes = await start();
    try {
      expect((await fetch(`${probes.url}/metrics`)).status).toBe(200);
    } finally {
      await probes.close();
    }
  });
});
