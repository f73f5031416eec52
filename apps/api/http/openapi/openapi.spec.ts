import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { OpenAPIObject } from '@nestjs/swagger';
import { createToyApp } from '../testing/toy-app';

describe('the OpenAPI document', () => {
  let app: NestFastifyApplication;
  let document: OpenAPIObject;
  beforeAll(async () => {
    app = await createToyApp({ version: '1.2.3' });
    document = (await app.inject({ url: '/openapi.json' })).json();
  });
  afterAll(() => app.close());

  const operations = () =>
    Object.entries(document.paths).flatMap(([path, item]) =>
      Object.entries(
        item as Record<string, { parameters: { $ref?: string }[]; responses: object; security?: object[] }>,
      ).map(([method, operation]) => ({ name: `${method} ${path}`, method, ...operation })),
    );
  const operationOf = (name: string) => operations().find((it) => it.name === name);
  const parametersOf = (name: string) =>
    (operationOf(name)?.parameters ?? []).flatMap(({ $ref }) => ($ref ? [$ref.split('/').at(-1)] : []));

  it('has the common problems, the request id and the rate limits on every route', () => {
    expect(document.info.version).toBe('1.2.3');
    expect(operations().length).toBeGreaterThan(8);
    for (const { name, responses } of operations()) {
      expect(Object.keys(responses)).toEqual(expect.arrayContaining(['400', '429', '503']));
      expect(parametersOf(name)).toContain('X-Request-Id');
    }
  });

  it('has Idempotency-Key on each write and If-Position on each read of a tenant', () => {
    expect(parametersOf('post /v1/things')).toContain('Idempotency-Key');
    expect(parametersOf('get /v1/things')).toContain('If-Position');
    expect(parametersOf('get /v1/open')).not.toContain('If-Position');
    expect(Object.keys(operationOf('post /v1/things')?.responses ?? {})).toEqual(
      expect.arrayContaining(['202', '409', '422']),
    );
  });

  it('gives no example of a header, because the page would send it without an input of its reader', () => {
    const parameters = Object.values(document.components?.parameters ?? {});
    expect(parameters).not.toHaveLength(0);
    for (const parameter of parameters) expect(parameter).not.toHaveProperty('example');
  });

  it('has conditional requests where a method has an @IfMatch()', () => {
    expect(parametersOf('patch /v1/things/{id}')).toContain('If-Match');
    expect(parametersOf('get /v1/things/{id}')).toContain('If-None-Match');
    expect(operationOf('get /v1/things/{id}')?.responses).toHaveProperty('304');
    expect(operationOf('patch /v1/things/{id}')?.responses).toHaveProperty('412');
  });

  it('requires an access token, except on public routes', () => {
    expect(document.security).toEqual([{ bearer: [] }]);
    expect(operationOf('get /v1/things')?.security).toBeUndefined();
    expect(operationOf('get /v1/open')?.security).toEqual([]);
    expect(operationOf('get /v1/things')?.responses).toHaveProperty('401');
    expect(operationOf('get /v1/open')?.responses).not.toHaveProperty('401');
  });

  it('describes fields as they are validated', () => {
    const schema = document.components?.schemas?.['ThingDto'];
    expect(schema).toMatchObject({
      required: ['name'],
      properties: { name: { type: 'string', minLength: 1, maxLength: 20 }, due: { format: 'date' } },
    });
  });

  it('has no broken reference and no internal extension', () => {
    const text = JSON.stringify(document);
    for (const [, kind, name] of text.matchAll(/"#\/components\/(\w+)\/([^"]+)"/g)) {
      expect(document.components).toHaveProperty([kind ?? '', name ?? '']);
    }
    expect(text).not.toMatch(/x-public|x-documentation|x-if-match/);
  });

  it('has a page that loads files of this server only', async () => {
    const page = await app.inject({ url: '/docs' });
    const sources = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '');
    expect(sources).toHaveLength(4);
    for (const url of sources) {
      expect(url).toMatch(/^\/docs\//);
      expect((await app.inject({ url })).statusCode).toBe(200);
    }
    expect(page.headers['content-security-policy']).toMatch(/script-src 'self';/);
    expect((await app.inject({ url: '/docs/package.json' })).statusCode).toBe(404);
    expect((await app.inject({ url: '/docs/..%2f..%2fpackage.json' })).statusCode).toBe(404);
  });
});
