import { type Permission, worksWhileLocked } from '#domain/tenant/permissions';
import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

interface Operation {
  readonly responses: Record<string, object>;
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly example?: object } } };
  readonly 'x-permission'?: { readonly permission: Permission };
}

const UUIDV7 = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/;

describe('the conventions of every route', () => {
  let app: IdentityApp;
  let ada: SignedUp;
  let operations: [string, string, Operation][];
  beforeAll(async () => {
    app = await createIdentityApp(undefined, { plans: 'catalogue' });
    ada = await app.signUp();
    const { paths } = (await app.app.inject({ url: '/openapi.json' })).json();
    operations = Object.entries(paths as Record<string, Record<string, Operation>>).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]): [string, string, Operation] => [method, path, operation]),
    );
  });
  afterAll(() => app.close());

  const get = (url: string, headers: Record<string, string> = {}) =>
    app.request('GET', url, { token: ada.accessToken, headers });
  const tagOf = async (url: string): Promise<string> => String((await get(url)).headers['etag']);

  it.each(['/v1/me', '/v1/tenant', '/v1/billing', '/v1/usage'])(
    '%s is answered 304 while it has not changed',
    async (url) => {
      const tag = await tagOf(url);
      expect(tag).toMatch(/^(W\/)?"[\w.-]+"$/);
      expect((await get(url, { 'if-none-match': tag })).statusCode).toBe(304);
    },
  );

  it('the access token is checked before the query', async () => {
    const url = '/v1/tenant?unknown=1';
    expect((await app.request('GET', url)).statusCode).toBe(401);
    expect((await get(url)).statusCode).toBe(400);
  });

  it.each(['/v1/tenant', '/v1/usage'])('%s has another tag after the use of the plan has changed', async (url) => {
    const before = await tagOf(url);
    const project = { token: ada.accessToken, payload: { name: 'Website' } };
    expect((await app.request('POST', '/v1/projects', project)).statusCode).toBe(201);
    expect(await tagOf(url)).not.toBe(before);
  });

  it('/v1/me has another tag after a change of the name', async () => {
    const before = await tagOf('/v1/me');
    await app.request('PATCH', '/v1/me', { token: ada.accessToken, payload: { name: 'Ada King' } });
    expect(await tagOf('/v1/me')).not.toBe(before);
  });

  it('no list is documented with 304, and each resource that is has an ETag', async () => {
    const with304 = operations.filter(([method, , { responses }]) => method === 'get' && '304' in responses);
    const paths = with304.map(([, path]) => path).filter((path) => !path.includes('{'));
    expect(paths.sort()).toEqual(['/v1/billing', '/v1/me', '/v1/tenant', '/v1/usage']);
    for (const path of paths) expect((await get(path)).headers['etag']).toBeDefined();
    expect(with304.map(([, path]) => path)).not.toContain('/v1/projects/{id}/tasks');
  });

  it('a route that a lock or a limit of the plan can block is documented with 402', () => {
    const blockable = operations.filter(
      ([, , it]) => it['x-permission'] && !worksWhileLocked(it['x-permission'].permission),
    );
    expect(blockable.length).toBeGreaterThan(20);
    for (const [method, path, { responses }] of blockable)
      expect([method, path, Object.keys(responses)]).toEqual([method, path, expect.arrayContaining(['402'])]);
  });

  it.each([
    ['GET', '/v1/members/', 'member'],
    ['GET', '/v1/teams/', 'team'],
    ['GET', '/v1/projects/', 'project'],
    ['GET', '/v1/tasks/', 'task'],
    ['DELETE', '/v1/sessions/', 'session'],
    ['DELETE', '/v1/invitations/', 'invitation'],
  ] as const)('%s %s… of a missing resource names the kind of the resource', async (method, url, what) => {
    const answer = await app.request(method, `${url}${uuidv7()}`, { token: ada.accessToken });
    expect(answer.json()).toMatchObject({ status: 404, detail: `There is no such ${what}.` });
  });

  it('ids are UUIDv7, also those of sessions', async () => {
    const { data } = (await get('/v1/sessions')).json();
    for (const id of [ada.user.id, ada.tenant.id, data[0].id]) expect(id).toMatch(UUIDV7);
  });

  it('the example of each body is accepted', async () => {
    const exampleOf = (method: string, path: string) =>
      operations.find((it) => it[0] === method && it[1] === path)?.[2].requestBody?.content['application/json'].example;
    const send = async (method: 'POST' | 'PATCH', path: string, id = '') => {
      const payload = exampleOf(method.toLowerCase(), path) ?? {};
      const answer = await app.request(method, path.replace('{id}', id), { token: ada.accessToken, payload });
      expect([path, answer.statusCode]).toEqual([path, method === 'POST' ? 201 : 200]);
      return answer.json().id as string;
    };
    const bea = await app.request('POST', '/v1/signup', { payload: exampleOf('post', '/v1/signup') ?? {} });
    expect(bea.statusCode).toBe(201);
    await send('POST', '/v1/sessions');
    await send('POST', '/v1/invitations');
    await send('PATCH', '/v1/teams/{id}', await send('POST', '/v1/teams'));
    const project = await send('POST', '/v1/projects');
    await send('PATCH', '/v1/projects/{id}', project);
    await send('PATCH', '/v1/tasks/{id}', await send('POST', '/v1/projects/{id}/tasks', project));
    await send('PATCH', '/v1/tenant');
  });
});
