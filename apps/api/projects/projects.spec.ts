import { randomUUID } from 'node:crypto';
import { AppendOutcomeUnknown } from '#event-log/port';
import { timeOfUuidv7, uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { comparableAnswer, createTenantWithMembers, type Tenant, type TestMember } from '#test/support/tenant';
import { versionTag } from '../http/contract/etag';

describe('projects', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  let other: Tenant;
  beforeAll(async () => {
    identity = await createIdentityApp();
    acme = await createTenantWithMembers(identity);
    other = await createTenantWithMembers(identity);
  });
  afterAll(() => identity.close());
  afterEach(() => jest.restoreAllMocks());

  const create = async (member: TestMember, more: object = {}): Promise<{ id: string }> => {
    const answer = await member.send('POST', '/v1/projects', { name: 'Website', ...more });
    expect(answer.statusCode).toBe(201);
    return answer.json();
  };
  const addTeam = async (tenant: Tenant): Promise<string> => {
    const teamId = uuidv7();
    await tenant.happened({ type: 'TeamCreated', data: { teamId, name: `Team ${teamId}` } });
    return teamId;
  };

  it('are created by members, and read as they were created', async () => {
    const teamId = await addTeam(acme);
    const created = await acme.member.send('POST', '/v1/projects', {
      name: 'Website',
      description: 'Two lines\nof it: مرحبا 🚀',
      teamId,
    });
    expect(created.statusCode).toBe(201);
    expect(created.headers['position']).toEqual(expect.any(String));
    const project = created.json();
    expect(project).toEqual({
      id: expect.any(String),
      name: 'Website',
      description: 'Two lines\nof it: مرحبا 🚀',
      teamId,
      archived: false,
      createdAt: new Date(timeOfUuidv7(project.id)).toISOString(),
    });
    const shown = await acme.owner.get(`/v1/projects/${project.id}`);
    for (const { headers } of [created, shown]) expect(headers['etag']).toBe(versionTag(acme.id, project.id, 1));
    expect(shown.json()).toEqual(project);
  });

  it('need only a name', async () => {
    expect(await create(acme.admin)).toMatchObject({ name: 'Website', description: '', teamId: null });
  });

  it.each([
    ['no name', {}, '/name'],
    ['an empty name', { name: ' ' }, '/name'],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, '/name'],
    ['a description of 10,001 characters', { name: 'Website', description: 'x'.repeat(10_001) }, '/description'],
    ['a malformed team id', { name: 'Website', teamId: 'sales' }, '/teamId'],
    ['a tenant id', { name: 'Website', tenantId: uuidv7() }, '/tenantId'],
    ['the field archived', { name: 'Website', archived: true }, '/archived'],
  ])('cannot be created with %s', async (_, body, pointer) => {
    const answer = await acme.member.send('POST', '/v1/projects', body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors).toEqual([{ pointer, message: expect.any(String) }]);
  });

  it('can only have a team of the same tenant', async () => {
    const foreign = await addTeam(other);
    const answers = [];
    for (const teamId of [foreign, uuidv7()])
      answers.push(comparableAnswer(await acme.member.send('POST', '/v1/projects', { name: 'Website', teamId })));
    expect(answers[0]).toMatchObject({ statusCode: 409, type: '/problems/conflict' });
    expect(answers[1]).toEqual(answers[0]);
  });

  it('are changed in the fields that are sent, and get a new version', async () => {
    const { id } = await create(acme.member, { description: 'The new one', teamId: await addTeam(acme) });
    const changed = await acme.admin.send('PATCH', `/v1/projects/${id}`, { name: 'Shop', teamId: null });
    expect(changed.statusCode).toBe(200);
    expect(changed.headers['etag']).toBe(versionTag(acme.id, id, 2));
    expect(changed.json()).toMatchObject({ id, name: 'Shop', description: 'The new one', teamId: null });
    expect((await acme.member.get(`/v1/projects/${id}`)).json()).toEqual(changed.json());
  });

  it('keep their version if nothing changes', async () => {
    const { id } = await create(acme.member);
    for (const body of [{}, { name: 'Website' }]) {
      const answer = await acme.member.send('PATCH', `/v1/projects/${id}`, body);
      const { etag, position } = answer.headers;
      expect([answer.statusCode, etag, position]).toEqual([200, versionTag(acme.id, id, 1), undefined]);
    }
  });

  it('are changed, archived and restored only in the expected version', async () => {
    const { id } = await create(acme.member);
    const url = `/v1/projects/${id}`;
    const [stale, present] = [1, 2].map((version) => ({ 'if-match': versionTag(acme.id, id, version) }));
    expect((await acme.member.send('PATCH', url, { name: 'Shop' }, stale)).statusCode).toBe(200);
    const late = await acme.member.send('PATCH', url, { name: 'Kiosk' }, stale);
    expect(late.json()).toMatchObject({ status: 412, type: '/problems/precondition-failed' });
    expect((await acme.member.send('DELETE', url, undefined, stale)).statusCode).toBe(412);
    expect((await acme.member.send('DELETE', url, undefined, present)).statusCode).toBe(200);
    expect((await acme.member.send('POST', `${url}/restore`, undefined, present)).statusCode).toBe(412);
    expect((await acme.member.get(url, { 'if-none-match': versionTag(acme.id, id, 3) })).statusCode).toBe(304);
  });

  it('are archived and restored, and cannot be changed while they are archived', async () => {
    const { id } = await create(acme.member);
    const url = `/v1/projects/${id}`;
    const archived = await acme.member.send('DELETE', url);
    expect([archived.statusCode, archived.json()]).toEqual([200, expect.objectContaining({ id, archived: true })]);
    expect((await acme.member.get(url)).json()).toEqual(archived.json());
    expect((await acme.member.send('DELETE', url)).headers['etag']).toBe(archived.headers['etag']);
    const refused = await acme.member.send('PATCH', url, { name: 'Shop' });
    expect(refused.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
    const restored = await acme.member.send('POST', `${url}/restore`);
    expect([restored.statusCode, restored.json()]).toEqual([200, expect.objectContaining({ id, archived: false })]);
    expect((await acme.member.send('PATCH', url, { name: 'Shop' })).statusCode).toBe(200);
  });

  it('are listed newest first, page by page, without archived ones by default', async () => {
    const tenant = await createTenantWithMembers(identity);
    const ids: string[] = [];
    for (let n = 0; n < 5; n++) ids.unshift((await create(tenant.member, { name: `Project ${n}` })).id);
    await tenant.member.send('DELETE', `/v1/projects/${ids[1]}`);
    const list = async (query: string): Promise<{ ids: string[]; nextCursor: string | null }> => {
      const answer = await tenant.member.get(`/v1/projects?${query}`);
      expect(answer.statusCode).toBe(200);
      const { data, nextCursor } = answer.json();
      return { ids: data.map(({ id }: { id: string }) => id), nextCursor };
    };
    const active = ids.filter((_, at) => at !== 1);
    expect(await list('')).toEqual({ ids: active, nextCursor: null });
    expect(await list('archived=false')).toEqual({ ids: active, nextCursor: null });
    expect(await list('archived=true')).toEqual({ ids: [ids[1]], nextCursor: null });
    expect(await list('archived=all')).toEqual({ ids, nextCursor: null });
    for (const [archived, expected] of [
      ['false', active],
      ['all', ids],
    ] as const) {
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: Awaited<ReturnType<typeof list>> = await list(
          `limit=2&archived=${archived}${cursor && `&cursor=${cursor}`}`,
        );
        expect(page.ids.length).toBeLessThanOrEqual(2);
        seen.push(...page.ids);
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(expected);
    }
  });

  it('are not listed by a cursor of another tenant', async () => {
    for (let n = 0; n < 2; n++) await create(acme.member);
    const { nextCursor } = (await acme.member.get('/v1/projects?limit=1')).json();
    const answer = await other.member.get(`/v1/projects?limit=1&cursor=${nextCursor}`);
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
  });

  it.each(['archived=maybe', 'limit=0', 'limit=101', 'cursor=x', 'sort=name'])(
    'are not listed by the invalid query %s',
    async (query) => {
      const answer = await acme.member.get(`/v1/projects?${query}`);
      const pointer = `/query/${query.split('=', 1)[0]}`;
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
    },
  );

  const routes = (
    id: string,
  ): ['GET' | 'POST' | 'PATCH' | 'DELETE', string, (object | undefined)?, Record<string, string>?][] => [
    ['GET', `/v1/projects/${id}`],
    ['PATCH', `/v1/projects/${id}`, { name: 'Mine' }],
    ['PATCH', `/v1/projects/${id}`, { name: 'Mine' }, { 'if-match': versionTag(acme.id, id, 1) }],
    ['PATCH', `/v1/projects/${id}`, { name: 'Mine' }, { 'if-match': versionTag(other.id, id, 1) }],
    ['DELETE', `/v1/projects/${id}`],
    ['DELETE', `/v1/projects/${id}`, undefined, { 'if-match': versionTag(acme.id, id, 1) }],
    ['POST', `/v1/projects/${id}/restore`],
    ['GET', `/v1/projects/${id}/tasks`],
    ['POST', `/v1/projects/${id}/tasks`, { title: 'Mine' }],
  ];

  it('of another tenant are not found, with the same answer as unknown ids', async () => {
    const { id: foreign } = await create(other.member);
    const random = routes(uuidv7());
    for (const [at, [method, url, ...rest]] of routes(foreign).entries()) {
      const answer = comparableAnswer(await acme.owner.send(method, url, ...rest));
      expect(answer).toMatchObject({ statusCode: 404, type: '/problems/not-found' });
      const [sameMethod, randomUrl, ...same] = random[at] ?? ['GET', '/'];
      expect(comparableAnswer(await acme.owner.send(sameMethod, randomUrl, ...same))).toEqual(answer);
    }
    const { etag } = (await other.member.get(`/v1/projects/${foreign}`)).headers;
    expect(etag).toBe(versionTag(other.id, foreign, 1));
  });

  it('cannot be read or written by auditors', async () => {
    const { id } = await create(acme.member);
    const all = [['GET', '/v1/projects'], ['POST', '/v1/projects', { name: 'Mine' }], ...routes(id)] as const;
    for (const [method, url, ...rest] of all) {
      const answer = await acme.auditor.send(method, url, ...rest);
      expect(answer.json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
    }
  });

  it('answer 400 to a malformed id, with its pointer', async () => {
    const answer = await acme.member.get('/v1/projects/first');
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/path/id' }] });
  });

  it('are created once by a request and its repeats', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const first = await acme.member.send('POST', '/v1/projects', { name: 'Once' }, key);
    const again = await acme.member.send('POST', '/v1/projects', { name: 'Once' }, key);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.json()).toEqual(first.json());
  });

  it('are created once by a request whose first answer was lost after the append', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const append = identity.log.append.bind(identity.log);
    jest.spyOn(identity.log, 'append').mockImplementationOnce(async (request) => {
      await append(request);
      throw new AppendOutcomeUnknown('interrupted');
    });
    const head = await identity.log.head();
    const lost = await acme.member.send('POST', '/v1/projects', { name: 'Once' }, key);
    expect(lost.json()).toMatchObject({ status: 503, type: '/problems/dependency-unavailable' });
    const answer = await acme.member.send('POST', '/v1/projects', { name: 'Once' }, key);
    expect(answer.statusCode).toBe(201);
    const { events } = await identity.log.readAll({ after: head, limit: 10 });
    expect(events.map(({ type, stream }) => [type, stream.id])).toEqual([['ProjectCreated', answer.json().id]]);
  });
});
