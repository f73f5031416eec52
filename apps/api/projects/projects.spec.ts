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
