import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { asUser, createToyApp, script } from '../testing/toy-app';

const url = '/v1/things/0198c0de-0000-7000-8000-000000000001';

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
    expect(answer.headers['etag']).toBe('"7"');
    expect(answer.json()).toEqual({ id: url.slice(-36) });
  });

  it.each(['"7"', 'W/"7"', '"a", "7"', '"a,b" ,W/"7"', '*'])(
    'If-None-Match: %s names the present version, so the answer is 304 without a body',
    async (field) => {
      const answer = await get(field);
      expect([answer.statusCode, answer.body, answer.headers['etag']]).toEqual([304, '', '"7"']);
      expect(answer.headers['content-type']).toBeUndefined();
      expect(answer.headers['ratelimit']).toBeDefined();
    },
  );

  it.each(['"8"', '7', '"7', '', ',', '"a,7"'])(
    'If-None-Match: %j does not name the present version, so the answer is 200',
    async (field) => {
      expect((await get(field)).statusCode).toBe(200);
    },
  );

  it('HEAD is answered with the same headers and no body', async () => {
    const answer = await app.inject({ method: 'HEAD', url, headers: asUser() });
    expect([answer.statusCode, answer.body, answer.headers['etag']]).toEqual([200, '', '"7"']);
  });

  it.each<[string | undefined, number, number | null | undefined]>([
    [undefined, 200, null],
    ['*', 200, null],
    ['"7"', 200, 7],
    [' "7" ', 200, 7],
    ['"x", "7"', 200, 7],
    ['W/"7", "7"', 200, 7],
    ['"7.Zm9vYmFyYmF6"', 200, 7],
    ['"7.", "7.short"', 412, undefined],
    ['"8.Zm9vYmFyYmF6"', 412, undefined],
    ['"8"', 412, undefined],
    ['W/"7"', 412, undefined],
    ['"x"', 412, undefined],
    ['"07"', 412, undefined],
    ['"99999999999999999999"', 412, undefined],
    ['"7", "8"', 400, undefined],
    ['7', 400, undefined],
    ['"7', 400, undefined],
    ['"7" "8"', 400, undefined],
    ['"7", *', 400, undefined],
    ['', 400, undefined],
    [',', 400, undefined],
    ['w/"7"', 400, undefined],
    [`"${'x'.repeat(10_000)}`, 400, undefined],
    ['"'.repeat(5_001), 400, undefined],
  ])('a write with If-Match: %s is answered %d', async (field, status, expected) => {
    const answer = await patch(field);
    expect(answer.statusCode).toBe(status);
    if (status === 200) expect([answer.json().expected, answer.headers['etag']]).toEqual([expected, '"8"']);
    if (status === 400) expect(answer.json().errors[0].pointer).toBe('/header/If-Match');
    if (status === 412) expect(answer.headers['etag']).toBeUndefined();
  });

  it.each([
    ['"7"', 412],
    ['*', 204],
    ['7', 400],
  ])(
    'a write with If-Match: %s to a resource without versions is answered %d, before the controller runs',
    async (field, status) => {
      let hasRun = false;
      script.during = async () => {
        hasRun = true;
      };
      const answer = await app.inject({ method: 'DELETE', url, headers: { ...asUser(), 'if-match': field } });
      expect([answer.statusCode, hasRun]).toEqual([status, status === 204]);
    },
  );
});
