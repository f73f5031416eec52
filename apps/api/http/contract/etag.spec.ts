import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { asUser, createToyApp, script, TENANT_A, TENANT_B } from '../testing/toy-app';
import { versionTag } from './etag';

const ID = '0198c0de-0000-7000-8000-000000000001';
const url = `/v1/things/${ID}`;
/** The tag of a version of the thing, without its quotes. */
const tag = (version: number, tenantId = TENANT_A, id = ID): string => versionTag(tenantId, id, version).slice(1, -1);
const [V7, V8] = [tag(7), tag(8)];

describe('versions', () => {
  let app: NestFastifyApplication;
  beforeAll(async () => {
    app = await createToyApp();
  });
  afterAll(() => app.close());
  const get = (ifNoneMatch: string) => app.inject({ url, headers: { ...asUser(), 'if-none-match': ifNoneMatch } });
  const patch = (ifMatch: string | undefined) =>
    app.inject({
      method: 'PATCH',
      url,
      headers: { ...asUser(), ...(ifMatch !== undefined && { 'if-match': ifMatch }) },
    });

  it('a resource has its version as a strong ETag', async () => {
    const answer = await app.inject({ url, headers: asUser() });
    expect(answer.headers['etag']).toBe(`"${V7}"`);
    expect(answer.json()).toEqual({ id: url.slice(-36) });
  });

  it.each([`"${V7}"`, `W/"${V7}"`, `"a", "${V7}"`, `"a,b" ,W/"${V7}"`, '*'])(
    'If-None-Match: %s names the present version, so the answer is 304 without a body',
    async (field) => {
      const answer = await get(field);
      expect([answer.statusCode, answer.body, answer.headers['etag']]).toEqual([304, '', `"${V7}"`]);
      expect(answer.headers['content-type']).toBeUndefined();
      expect(answer.headers['ratelimit']).toBeDefined();
    },
  );

  it.each([
    `"${V8}"`,
    V7,
    `"${V7}`,
    '',
    ',',
    `"a,${V7}"`,
    '"7"',
    `"${tag(7, TENANT_B)}"`,
    `"${tag(7, TENANT_A, TENANT_B)}"`,
  ])('If-None-Match: %j does not name the present version, so the answer is 200', async (field) => {
    expect((await get(field)).statusCode).toBe(200);
  });

  it('HEAD is answered with the same headers and no body', async () => {
    const answer = await app.inject({ method: 'HEAD', url, headers: asUser() });
    expect([answer.statusCode, answer.body, answer.headers['etag']]).toEqual([200, '', `"${V7}"`]);
  });

  it.each<[string | undefined, number, number[] | null | undefined]>([
    [undefined, 200, null],
    ['*', 200, null],
    [`"${V7}"`, 200, [7]],
    [` "${V7}" `, 200, [7]],
    [`"x", "${V7}"`, 200, [7]],
    [`W/"${V7}", "${V7}"`, 200, [7]],
    [`"${V7}.Zm9vYmFyYmF6"`, 200, [7]],
    [`"${V7}", "${V8}"`, 200, [7, 8]],
    [`"${V7}.", "${V7}.short"`, 412, undefined],
    [`"${V8}.Zm9vYmFyYmF6"`, 412, undefined],
    [`"${V8}"`, 412, undefined],
    [`W/"${V7}"`, 412, undefined],
    [`"${tag(7, TENANT_B)}"`, 412, undefined],
    [`"${tag(7, TENANT_A, TENANT_B)}"`, 412, undefined],
    ['"7"', 412, undefined],
    ['"x"', 412, undefined],
    [`"0${V7}"`, 412, undefined],
    ['"99999999999999999999"', 412, undefined],
    [V7, 400, undefined],
    [`"${V7}`, 400, undefined],
    [`"${V7}" "${V8}"`, 400, undefined],
    [`"${V7}", *`, 400, undefined],
    ['', 400, undefined],
    [',', 400, undefined],
    [`w/"${V7}"`, 400, undefined],
    [`"${'x'.repeat(10_000)}`, 400, undefined],
    ['"'.repeat(5_001), 400, undefined],
  ])('a write with If-Match: %s is answered %d', async (field, status, expected) => {
    const answer = await patch(field);
    expect(answer.statusCode).toBe(status);
    if (status === 200)
      expect([answer.json().expected?.anyOf ?? null, answer.headers['etag']]).toEqual([expected, `"${V8}"`]);
    if (status === 400) expect(answer.json().errors[0].pointer).toBe('/header/If-Match');
    if (status === 412) expect(answer.headers['etag']).toBeUndefined();
  });

  it.each<[string, number]>([
    ['*', 412],
    [`"${V7}"`, 412],
    [`W/"${V7}"`, 412],
    [`"${V8}", "${V7}"`, 412],
    [`"${V8}"`, 200],
    [`"${tag(7, TENANT_B)}"`, 200],
    ['"x"', 200],
    [V7, 400],
  ])('a write with If-None-Match: %s is answered %d', async (field, status) => {
    const answer = await app.inject({ method: 'PATCH', url, headers: { ...asUser(), 'if-none-match': field } });
    expect(answer.statusCode).toBe(status);
    if (status === 400) expect(answer.json().errors[0].pointer).toBe('/header/If-None-Match');
  });

  it('must meet both preconditions of a write', async () => {
    const both = { 'if-match': `"${V7}", "${V8}"`, 'if-none-match': `"${V7}"` };
    expect((await app.inject({ method: 'PATCH', url, headers: { ...asUser(), ...both } })).statusCode).toBe(412);
  });

  it('of one tenant and of another one are stored apart by a browser, because answers vary with the token', async () => {
    expect((await app.inject({ url, headers: asUser() })).headers['vary']).toBe('Authorization');
    const refused = await app.inject({ url });
    expect([refused.statusCode, refused.headers['vary']]).toEqual([401, 'Authorization']);
  });

  it('of a write are not stored, because its answer may hold a secret that is shown once', async () => {
    expect((await patch(undefined)).headers['cache-control']).toBe('no-store');
    expect((await app.inject({ url, headers: asUser() })).headers['cache-control']).toBe('private, no-cache');
  });

  it.each([
    ['if-match', `"${V7}"`, 412],
    ['if-match', '*', 204],
    ['if-match', '7', 400],
    ['if-none-match', '*', 412],
    ['if-none-match', `"${V7}"`, 204],
    ['if-none-match', '7', 400],
  ])(
    'a write with %s: %s to a resource without versions is answered %d, before the controller runs',
    async (name, field, status) => {
      let hasRun = false;
      script.during = async () => {
        hasRun = true;
      };
      const answer = await app.inject({ method: 'DELETE', url, headers: { ...asUser(), [name]: field } });
      expect([answer.statusCode, hasRun]).toEqual([status, status === 204]);
    },
  );
});
