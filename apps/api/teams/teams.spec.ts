import { randomUUID } from 'node:crypto';
import { AppendOutcomeUnknown } from '#event-log/port';
import { timeOfUuidv7, uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { createTenantWithMembers, type Tenant, type TestMember } from '#test/support/tenant';

describe('teams', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  let other: Tenant;
  beforeAll(async () => {
    identity = await createIdentityApp();
    [acme, other] = [await createTenantWithMembers(identity), await createTenantWithMembers(identity)];
  });
  afterAll(() => identity.close());
  afterEach(() => jest.restoreAllMocks());

  const create = async (admin: TestMember, name = `Team ${uuidv7()}`): Promise<string> => {
    const answer = await admin.send('POST', '/v1/teams', { name });
    expect(answer.statusCode).toBe(201);
    return answer.json().id;
  };
  const etagOf = async (url: string): Promise<string> => String((await acme.member.get(url)).headers['etag']);

  it('are created by admins, and read by members as they were created', async () => {
    const created = await acme.admin.send('POST', '/v1/teams', { name: 'Équipe مرحبا 🚀' });
    expect(created.statusCode).toBe(201);
    expect(created.headers['position']).toEqual(expect.any(String));
    const team = created.json();
    expect(team).toEqual({
      id: expect.any(String),
      name: 'Équipe مرحبا 🚀',
      memberIds: [],
      createdAt: new Date(timeOfUuidv7(team.id)).toISOString(),
    });
    const shown = await acme.member.get(`/v1/teams/${team.id}`);
    expect(shown.json()).toEqual(team);
    expect(shown.headers['etag']).toBe(created.headers['etag']);
  });

  it.each([
    ['no name', {}, '/name'],
    ['an empty name', { name: ' ' }, '/name'],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, '/name'],
    ['a name of two lines', { name: 'Sales\nSupport' }, '/name'],
    ['the field memberIds', { name: 'Sales', memberIds: [] }, '/memberIds'],
    ['a tenant id', { name: 'Sales', tenantId: uuidv7() }, '/tenantId'],
  ])('cannot be created or renamed with %s', async (_, body, pointer) => {
    for (const [method, url] of [
      ['POST', '/v1/teams'],
      ['PATCH', `/v1/teams/${await create(acme.admin)}`],
    ] as const) {
      const answer = await acme.admin.send(method, url, body);
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
    }
  });

  it('have unique names within a tenant, regardless of upper and lower case', async () => {
    const [name, upperCase] = ['Déjà vu', 'DÉJÀ VU'];
    await create(acme.admin, name);
    const second = await create(acme.admin);
    const decomposed = name.normalize('NFD');
    for (const taken of [name, upperCase, decomposed]) {
      const refused = await acme.admin.send('POST', '/v1/teams', { name: taken });
      expect(refused.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
      expect((await acme.admin.send('PATCH', `/v1/teams/${second}`, { name: taken })).statusCode).toBe(409);
    }
    await create(other.admin, name);
  });

  it('have unique names also after concurrent requests with one name', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => acme.admin.send('POST', '/v1/teams', { name: 'Wanted by many' })),
    );
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, ...Array(7).fill(409)]);
  });

  it('are renamed, and get a new version', async () => {
    const id = await create(acme.admin);
    const [url, before] = [`/v1/teams/${id}`, await etagOf(`/v1/teams/${id}`)];
    const renamed = await acme.admin.send('PATCH', url, { name: `New ${id}` });
    expect([renamed.statusCode, renamed.json()]).toEqual([200, expect.objectContaining({ id, name: `New ${id}` })]);
    expect(renamed.headers['etag']).not.toBe(before);
    expect((await acme.member.get(url)).json()).toEqual(renamed.json());
    const same = await acme.admin.send('PATCH', url, { name: `New ${id}` });
    expect([same.statusCode, same.headers['etag'], same.headers['position']]).toEqual([
      200,
      renamed.headers['etag'],
      undefined,
    ]);
  });

  it('are renamed and deleted only in the expected version, whatever else has happened in the tenant', async () => {
    const url = `/v1/teams/${await create(acme.admin)}`;
    const stale = { 'if-match': await etagOf(url) };
    await create(acme.admin);
    expect((await acme.admin.send('PATCH', url, { name: `New ${url}` }, stale)).statusCode).toBe(200);
    const late = await acme.admin.send('PATCH', url, { name: `Newer ${url}` }, stale);
    expect(late.json()).toMatchObject({ status: 412, type: '/problems/precondition-failed' });
    expect((await acme.admin.send('DELETE', url, undefined, stale)).statusCode).toBe(412);
    const present = { 'if-match': await etagOf(url) };
    expect((await acme.admin.send('DELETE', url, undefined, present)).statusCode).toBe(204);
  });

  it('are not found after they were deleted', async () => {
    const id = await create(acme.admin);
    const url = `/v1/teams/${id}`;
    await acme.admin.send('PUT', `${url}/members/${acme.member.id}`);
    const answer = await acme.admin.send('DELETE', url);
    expect([answer.statusCode, answer.body]).toEqual([204, '']);
    for (const [method, path, body] of [
      ['GET', url],
      ['PATCH', url, { name: 'Again' }],
      ['DELETE', url],
      ['PUT', `${url}/members/${acme.admin.id}`],
      ['DELETE', `${url}/members/${acme.member.id}`],
    ] as const)
      expect((await acme.admin.send(method, path, body)).statusCode).toBe(404);
    const { data } = (await acme.member.get('/v1/teams?limit=100')).json();
    expect(data).not.toContainEqual(expect.objectContaining({ id }));
  });

  it('are listed newest first, page by page, with their members', async () => {
    const tenant = await createTenantWithMembers(identity);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift(await create(tenant.admin));
    await tenant.admin.send('PUT', `/v1/teams/${ids[2]}/members/${tenant.member.id}`);
    const seen: { id: string; memberIds: string[] }[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer = await tenant.member.get(`/v1/teams?limit=2${cursor && `&cursor=${cursor}`}`);
      const page: { data: typeof seen; nextCursor: string | null } = answer.json();
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data);
      cursor = page.nextCursor;
    }
    expect(seen.map(({ id }) => id)).toEqual(ids);
    expect(seen.map(({ memberIds }) => memberIds)).toEqual([[], [], [tenant.member.id], [], []]);
  });

  it('are not listed by a cursor of another tenant', async () => {
    await create(acme.admin);
    const { nextCursor } = (await acme.member.get('/v1/teams?limit=1')).json();
    const answer = await other.member.get(`/v1/teams?limit=1&cursor=${nextCursor}`);
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
  });

  it('are created once by a request and its repeats', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const first = await acme.admin.send('POST', '/v1/teams', { name: 'Once' }, key);
    const again = await acme.admin.send('POST', '/v1/teams', { name: 'Once' }, key);
    expect([again.statusCode, again.headers['idempotent-replayed'], again.body]).toEqual([201, 'true', first.body]);
  });

  it('are created once by a request whose first answer was lost after the append', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const append = identity.log.append.bind(identity.log);
    jest.spyOn(identity.log, 'append').mockImplementationOnce(async (request) => {
      await append(request);
      throw new AppendOutcomeUnknown('interrupted');
    });
    expect((await acme.admin.send('POST', '/v1/teams', { name: 'Once more' }, key)).statusCode).toBe(503);
    const answer = await acme.admin.send('POST', '/v1/teams', { name: 'Once more' }, key);
    expect([answer.statusCode, answer.json()]).toEqual([201, expect.objectContaining({ name: 'Once more' })]);
  });
});
