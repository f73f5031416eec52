import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createToyApp } from '../testing/toy-app';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
const GENERATED = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/;

describe('the id of a request', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp();
  });
  afterAll(() => app.close());
  const idFor = async (headers: Record<string, string>) =>
    (await app.inject({ url: '/v1/open', headers })).headers['x-request-id'];

  it('is the X-Request-Id of the client if it is well-formed', async () => {
    expect(await idFor({ 'x-request-id': 'a.B_9:-' })).toBe('a.B_9:-');
    expect(await idFor({ 'x-request-id': 'x'.repeat(128), traceparent })).toBe('x'.repeat(128));
  });

  it.each(['', ' ', 'a b', 'x'.repeat(129), 'a\u00e9', '<script>', 'a,b', 'a\tb'])(
    'is generated if the X-Request-Id is %j',
    async (id) => {
      expect(await idFor({ 'x-request-id': id })).toMatch(GENERATED);
    },
  );

  it('is the trace id if the client sends no well-formed X-Request-Id', async () => {
    expect(await idFor({ traceparent })).toBe(TRACE);
    expect(await idFor({ 'x-request-id': 'a b', traceparent: `${traceparent}-later-version` })).toBe(TRACE);
  });

  it.each([
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `ff-${TRACE}-00f067aa0ba902b7-01`,
    `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`,
    '00-abc',
    'x'.repeat(5_000),
  ])('is generated if the trace context is malformed: %s', async (malformed) => {
    expect(await idFor({ traceparent: malformed })).toMatch(GENERATED);
  });
});
