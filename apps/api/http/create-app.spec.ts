import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createToyApp } from './testing/toy-app';

describe('the application', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp();
  });
  afterAll(() => app.close());

  it('answers', async () => {
    for (const url of [
      '/v1/open',
      '/nope',
      '/v1/%zz',
      '/v1/things/' + 'x'.repeat(600),
      '/healthz',
      '/readyz',
      '/problems/conflict',
      '/openapi.json',
      '/docs',
    ]) {
      const r = await app.inject({ url });
      console.log(url, r.statusCode, JSON.stringify(r.headers, null, 1), r.body.slice(0, 300));
    }
    const r = await app.inject({ method: 'POST', url: '/v1/open', payload: {} });
    console.log(r.statusCode, r.headers, r.body);
  });
});
