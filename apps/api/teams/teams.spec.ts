import { randomUUID } from 'node:crypto';
import { AppendOutcomeUnknown } from '#event-log/port';
import { timeOfUuidv7, uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { type Colleague, foundTenant, type Tenant, told } from '#test/support/tenant';

describe('teams', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  let other: Tenant;
  beforeAll(async () => {
    identity = await createIdentityApp();
    [acme, other] = [await foundTenant(identity), await foundTenant(identity)];
  });
  afterAll(() => identity.close());
  afterEach(() => jest.restoreAllMocks());

  const create = async (who: Colleague, name = `Team ${uuidv7()}`): Promise<string> => {
    const answer = await who.send('POST', '/v1/teams', { name });
    expect(answer.statusCode).toBe(201);
    return answer.json().id;
  };
  const etagOf = async (url: string): Promise<string> => String((await acme.member.get(url)).headers['etag']);

  it('are made by admins, and shown to members as they were made', async () => {
    const made = await acme.admin.send('POST', '/v1/teams', { name: 'Équipe مرحبا 🚀' });
    expect(made.statusCode).toBe(201);
    expect(made.headers['position']).toEqual(expect.any(String));
    const team = made.json();
    expect(team).toEqual({
      id: expect.any(String),
      name: 'Équipe مرحبا 🚀',
      memberIds: [],
      createdAt: new Date(timeOfUuidv7(team.id)).toISOString(),
    });
    const shown = await acme.member.get(`/v1/teams/${team.id}`);
    expect(shown.json()).toEqual(team);
    expect(shown.headers['etag']).toBe(made.headers['etag']);
  });

  it.each([
    ['no name', {}, '/name'],
    ['an empty name', { name: ' ' }, '/name'],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, '/name'],
    ['a name of two lines', { name: 'Sales\nSupport' }, '/name'],
    ['members', { name: 'Sales', memberIds: [] }, '/memberIds'],
    ['a tenant of somebody else', { name: 'Sales', tenantId: uuidv7() }, '/tenantId'],
  ])('are refused with %s', async (_, body, pointer) => {
    for (const [method, url] of [
      ['POST', '/v1/teams'],
      ['PATCH', `/v1/teams/${await create(acme.admin)}`],
    ] as const) {
      const answer = await acme.admin.send(method, url, body);
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
    }
  });

  it('have names of their own, however they are capitalised, in each tenant', async () => {
    const [name, shouted] = ['Déjà vu', 'DÉJÀ VU'];
    await create(acme.admin, name);
    const second = await create(acme.admin);
    const decomposed = name.normalize('NFD');
    for (const taken of [name, shouted, decomposed]) {
      const made = await acme.admin.send('POST', '/v1/teams', { name: taken });
      expect(made.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
      expect((await acme.admin.send('PATCH', `/v1/teams/${second}`, { name: taken })).statusCode).toBe(409);
    }
    await create(other.admin, name);
  });

  it('have one of a name also when it is given twice at the same time', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => acme.admin.send('POST', '/v1/teams', { name: 'Wanted by many' })),
    );
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([201, ...Array(7).fill(409)]);
  });

  it('are renamed, and carry a new version', async () => {
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

  it('are renamed and deleted under the version that was seen alone, whatever else has happened in the tenant', async () => {
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

  it('are of a new version once somebody else is in them', async () => {
    const url = `/v1/teams/${await create(acme.admin)}`;
    const etags = [await etagOf(url)];
    await acme.admin.send('PUT', `${url}/members/${acme.member.id}`);
    etags.push(await etagOf(url));
    expect((await acme.member.get(url, { 'if-none-match': String(etags[0]) })).statusCode).toBe(200);
    expect((await acme.member.get(url, { 'if-none-match': String(etags[1]) })).statusCode).toBe(304);
    await acme.admin.send('DELETE', `${url}/members/${acme.member.id}`);
    etags.push(await etagOf(url));
    expect(new Set(etags).size).toBe(3);
  });

  it('have members, each once, until they are taken out', async () => {
    const url = `/v1/teams/${await create(acme.admin)}`;
    const people = [acme.owner.id, acme.auditor.id].sort();
    for (const id of [...people, ...people]) {
      const answer = await acme.admin.send('PUT', `${url}/members/${id}`);
      expect([answer.statusCode, answer.body]).toEqual([204, '']);
    }
    expect((await acme.member.get(url)).json().memberIds).toEqual(people);
    const out = `${url}/members/${people[0]}`;
    expect((await acme.admin.send('DELETE', out)).statusCode).toBe(204);
    expect((await acme.admin.send('DELETE', out)).statusCode).toBe(404);
    expect((await acme.member.get(url)).json().memberIds).toEqual([people[1]]);
  });

  it('answer a change of name with those who are in them', async () => {
    const url = `/v1/teams/${await create(acme.admin)}`;
    await acme.admin.send('PUT', `${url}/members/${acme.member.id}`);
    const renamed = await acme.admin.send('PATCH', url, { name: `New ${url}` });
    expect(renamed.json()).toMatchObject({ memberIds: [acme.member.id] });
  });

  it('are gone once they are deleted', async () => {
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

  it('are listed newest first, page by page, with those who are in them', async () => {
    const tenant = await foundTenant(identity);
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

  it('are listed for nobody by another tenant’s cursor', async () => {
    await create(acme.admin);
    const { nextCursor } = (await acme.member.get('/v1/teams?limit=1')).json();
    const answer = await other.member.get(`/v1/teams?limit=1&cursor=${nextCursor}`);
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
  });

  const routes = (
    id: string,
    userId: string,
  ): ['GET' | 'PUT' | 'PATCH' | 'DELETE', string, (object | undefined)?, Record<string, string>?][] => [
    ['GET', `/v1/teams/${id}`],
    ['PATCH', `/v1/teams/${id}`, { name: 'Mine' }],
    ['PATCH', `/v1/teams/${id}`, { name: 'Mine' }, { 'if-match': '"5"' }],
    ['PATCH', `/v1/teams/${id}`, { name: 'Mine' }, { 'if-match': '"99"' }],
    ['DELETE', `/v1/teams/${id}`],
    ['DELETE', `/v1/teams/${id}`, undefined, { 'if-match': '"5"' }],
    ['PUT', `/v1/teams/${id}/members/${userId}`],
    ['DELETE', `/v1/teams/${id}/members/${userId}`],
  ];

  it('of another tenant are not found, and answered like ids that there never were', async () => {
    const foreign = await create(other.admin);
    await other.admin.send('PUT', `/v1/teams/${foreign}/members/${other.member.id}`);
    for (const userId of [other.member.id, acme.member.id]) {
      const random = routes(uuidv7(), userId);
      for (const [at, [method, url, ...rest]] of routes(foreign, userId).entries()) {
        const answer = told(await acme.owner.send(method, url, ...rest));
        expect(answer).toMatchObject({ statusCode: 404, type: '/problems/not-found' });
        const [sameMethod, randomUrl, ...same] = random[at] ?? ['GET', '/'];
        expect(told(await acme.owner.send(sameMethod, randomUrl, ...same))).toEqual(answer);
      }
    }
    expect((await other.member.get(`/v1/teams/${foreign}`)).json().memberIds).toEqual([other.member.id]);
  });

  it('take in nobody of another tenant, who are answered like people that there never were', async () => {
    const url = `/v1/teams/${await create(acme.admin)}/members`;
    for (const method of ['PUT', 'DELETE'] as const) {
      const answer = told(await acme.admin.send(method, `${url}/${other.member.id}`));
      expect(answer).toMatchObject({ statusCode: 404, type: '/problems/not-found' });
      expect(told(await acme.admin.send(method, `${url}/${uuidv7()}`))).toEqual(answer);
    }
  });

  it('are written by admins alone, and closed to auditors', async () => {
    const id = await create(acme.admin);
    const writes = routes(id, acme.member.id).filter(([method]) => method !== 'GET');
    for (const [method, url, ...rest] of [['POST', '/v1/teams', { name: 'Mine' }] as const, ...writes])
      for (const role of ['member', 'auditor'] as const)
        expect((await acme[role].send(method, url, ...rest)).json()).toMatchObject({
          status: 403,
          type: '/problems/forbidden',
        });
    for (const url of ['/v1/teams', `/v1/teams/${id}`]) {
      expect((await acme.auditor.get(url)).statusCode).toBe(403);
      expect((await acme.member.get(url)).statusCode).toBe(200);
    }
  });

  it('answer a malformed id at its pointer', async () => {
    const [team, user] = [await create(acme.admin), uuidv7()];
    for (const [url, pointer] of [
      [`/v1/teams/first/members/${user}`, '/path/id'],
      [`/v1/teams/${team}/members/me`, '/path/userId'],
    ]) {
      const answer = await acme.admin.send('PUT', String(url));
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
    }
  });

  it('are made once by a request that is repeated', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const first = await acme.admin.send('POST', '/v1/teams', { name: 'Once' }, key);
    const again = await acme.admin.send('POST', '/v1/teams', { name: 'Once' }, key);
    expect([again.statusCode, again.headers['idempotent-replayed'], again.body]).toEqual([201, 'true', first.body]);
  });

  it('are made once by a request whose first answer was lost after it was written', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const append = identity.log.append.bind(identity.log);
    jest.spyOn(identity.log, 'append').mockImplementationOnce(async (one) => {
      await append(one);
      throw new AppendOutcomeUnknown('interrupted');
    });
    expect((await acme.admin.send('POST', '/v1/teams', { name: 'Once more' }, key)).statusCode).toBe(503);
    const answer = await acme.admin.send('POST', '/v1/teams', { name: 'Once more' }, key);
    expect([answer.statusCode, answer.json()]).toEqual([201, expect.objectContaining({ name: 'Once more' })]);
  });
});
