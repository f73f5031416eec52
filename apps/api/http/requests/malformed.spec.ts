import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import fc from 'fast-check';
import type { IdempotencyStore } from '#platform/idempotency/store';
import { asUser, createToyApp, script } from '../testing/toy-app';

const store: IdempotencyStore = {
  claim: async ({ commandId }) => ({ outcome: 'claimed', commandId, attempt: 1, again: false }),
  settle: async () => undefined,
  discard: async () => undefined,
  purge: async () => 0,
};

/** Any value that HTTP allows for a header. */
const headerValue = fc
  .array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0x80, max: 0xff }), fc.constant(0x09)))
  .map((codes) => String.fromCharCode(...codes));
const HEADERS = [
  ...['idempotency-key', 'if-position', 'if-match', 'if-none-match', 'x-request-id', 'traceparent', 'tracestate'],
  ...['accept', 'accept-version', 'content-type', 'content-encoding', 'x-forwarded-for', 'x-forwarded-host'],
  ...['x-forwarded-proto', 'origin', 'cookie', 'range', 'host', 'forwarded', 'user-agent', 'if-modified-since'],
];
const someHeaders = fc.dictionary(fc.constantFrom(...HEADERS), headerValue, { maxKeys: 5 });
const segment = fc.oneof(
  fc.string({ unit: 'binary' }).map(encodeSafely),
  fc.stringMatching(/^[%0-9a-zA-Z._~;:@&=+$,!*'()-]{0,30}$/),
);

function encodeSafely(text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    return '%ED%A0%80';
  }
}

describe('a malformed request', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp({
      idempotency: { store, isUsableToken: async () => true },
      trustProxy: 1,
      waiter: { waitFor: async () => true },
    });
  });
  afterAll(() => app.close());
  beforeEach(() => script.reset());

  const expectAnswer = async (request: object): Promise<void> => {
    const answer = await app.inject(request);
    if (answer.statusCode >= 500) throw new Error(`${answer.statusCode} ${answer.body}`);
    if (answer.statusCode < 400 || answer.raw.req.method === 'HEAD') return;
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ status: answer.statusCode, type: expect.stringMatching(/^\/problems\//) });
  };

  it('is never answered 500 because of its headers', () =>
    fc.assert(
      fc.asyncProperty(
        someHeaders,
        fc.constantFrom('GET', 'HEAD', 'POST', 'PATCH', 'DELETE'),
        async (headers, method) => {
          const url = method === 'POST' ? '/v1/things' : '/v1/things/0198c0de-0000-7000-8000-000000000001';
          const payload = method === 'POST' ? { payload: '{"name":"x"}' } : {};
          await expectAnswer({
            method,
            url,
            headers: { 'content-type': 'application/json', ...headers, ...asUser() },
            ...payload,
          });
        },
      ),
      { numRuns: 300 },
    ));

  it('is never answered 500 because of its path or query', () =>
    fc.assert(
      fc.asyncProperty(segment, segment, segment, async (part, name, value) => {
        await expectAnswer({ url: `/v1/things/${part}`, headers: asUser() });
        await expectAnswer({ url: `/v1/things?${name}=${value}&limit=${value}&cursor=${part}`, headers: asUser() });
        await expectAnswer({ url: `/${part}/${name}?${value}` });
      }),
      { numRuns: 300 },
    ));

  it('is never answered 500 because of its body', () => {
    const known = fc.record(
      Object.fromEntries(
        ['name', 'note', 'owner', 'email', 'loud', 'at', 'due', 'link', 'home', 'addresses'].map((it) => [
          it,
          fc.jsonValue(),
        ]),
      ),
      { requiredKeys: [] },
    );
    const body = fc
      .oneof(fc.jsonValue(), known, fc.string())
      .map((it) => (typeof it === 'string' ? it : JSON.stringify(it)));
    return fc.assert(
      fc.asyncProperty(body, (payload) =>
        expectAnswer({
          method: 'POST',
          url: '/v1/things',
          headers: { ...asUser(), 'content-type': 'application/json' },
          payload,
        }),
      ),
      { numRuns: 500 },
    );
  });
});
