import { randomUUID } from 'node:crypto';
import { AppendOutcomeUnknown } from '#event-log/port';
import { timeOfUuidv7, uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { comparableAnswer, createTenantWithMembers, type Tenant, type TestMember } from '#test/support/tenant';
import { versionTag } from '../http/contract/etag';

interface TaskAnswer {
  readonly id: string;
}

describe('tasks', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  let other: Tenant;
  let project: string;
  beforeAll(async () => {
    identity = await createIdentityApp();
    acme = await createTenantWithMembers(identity);
    other = await createTenantWithMembers(identity);
    project = await addProject(acme);
  });
  afterAll(() => identity.close());
  afterEach(() => jest.restoreAllMocks());

  const addProject = async ({ member }: Tenant): Promise<string> =>
    (await member.send('POST', '/v1/projects', { name: 'Website' })).json().id;
  const add = async (member: TestMember, projectId: string, more: object = {}): Promise<TaskAnswer> => {
    const answer = await member.send('POST', `/v1/projects/${projectId}/tasks`, { title: 'Choose a colour', ...more });
    expect(answer.statusCode).toBe(201);
    return answer.json();
  };

  it('are added to a project by members, start as open, and are read as they were created', async () => {
    const sent = {
      title: 'Choose a colour',
      description: 'Not\tbeige\n',
      assigneeId: acme.admin.id,
      dueOn: '2026-02-28',
    };
    const created = await acme.member.send('POST', `/v1/projects/${project}/tasks`, sent);
    const task = created.json();
    expect([created.statusCode, created.headers['etag']]).toEqual([201, versionTag(acme.id, task.id, 1)]);
    expect(task).toEqual({
      ...sent,
      id: expect.any(String),
      projectId: project,
      status: 'open',
      createdAt: new Date(timeOfUuidv7(task.id)).toISOString(),
    });
    const shown = await acme.owner.get(`/v1/tasks/${task.id}`);
    expect([shown.headers['etag'], shown.json()]).toEqual([versionTag(acme.id, task.id, 1), task]);
  });

  it('need only a title', async () => {
    expect(await add(acme.member, project)).toMatchObject({ description: '', assigneeId: null, dueOn: null });
  });

  it.each([
    ['no title', {}, '/title'],
    ['a title of 501 characters', { title: 'x'.repeat(501) }, '/title'],
    ['a title of two lines', { title: 'one\ntwo' }, '/title'],
    ['a description of 10,001 characters', { title: 'T', description: 'x'.repeat(10_001) }, '/description'],
    ['a date that does not exist', { title: 'T', dueOn: '2026-02-29' }, '/dueOn'],
    ['a date in the year 0', { title: 'T', dueOn: '0000-01-01' }, '/dueOn'],
    ['a time instead of a date', { title: 'T', dueOn: '2026-02-28T00:00:00Z' }, '/dueOn'],
    ['a malformed assignee id', { title: 'T', assigneeId: 'ada' }, '/assigneeId'],
    ['a status', { title: 'T', status: 'done' }, '/status'],
    ['a project id in the body', { title: 'T', projectId: uuidv7() }, '/projectId'],
  ])('cannot be created with %s', async (_, body, pointer) => {
    const answer = await acme.member.send('POST', `/v1/projects/${project}/tasks`, body);
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors).toEqual([{ pointer, message: expect.any(String) }]);
  });

  it.each(['0001-01-01', '9999-12-31'])('accept the first and the last possible due date: %s', async (dueOn) => {
    const { id } = await add(acme.member, project, { dueOn });
    expect((await acme.member.get(`/v1/tasks/${id}`)).json()).toMatchObject({ dueOn });
  });

  it('are assigned only to members, and not to a user of another tenant', async () => {
    const answers = [];
    const { id } = await add(acme.member, project);
    for (const assigneeId of [other.member.id, uuidv7()]) {
      answers.push(
        comparableAnswer(await acme.member.send('POST', `/v1/projects/${project}/tasks`, { title: 'T', assigneeId })),
      );
      answers.push(comparableAnswer(await acme.member.send('PATCH', `/v1/tasks/${id}`, { assigneeId })));
    }
    expect(answers[0]).toMatchObject({ statusCode: 409, type: '/problems/conflict' });
    for (const answer of answers) expect(answer).toEqual(answers[0]);
  });

  it('are changed in all fields that are sent, in one append', async () => {
    const { id } = await add(acme.member, project, { description: 'Soon', assigneeId: acme.member.id });
    const body = { title: 'Choose two', status: 'in-progress', assigneeId: acme.owner.id, dueOn: '2026-03-01' };
    const changed = await acme.admin.send('PATCH', `/v1/tasks/${id}`, body);
    expect([changed.statusCode, changed.headers['etag']]).toEqual([200, versionTag(acme.id, id, 5)]);
    expect(changed.json()).toMatchObject({ ...body, description: 'Soon' });
    expect((await acme.member.get(`/v1/tasks/${id}`)).json()).toEqual(changed.json());
    const emptied = await acme.member.send('PATCH', `/v1/tasks/${id}`, { assigneeId: null, dueOn: null });
    expect(emptied.json()).toMatchObject({ assigneeId: null, dueOn: null, status: 'in-progress' });
    expect((await acme.member.get(`/v1/tasks/${id}`)).json()).toEqual(emptied.json());
  });

  it('are not found after they were deleted', async () => {
    const { id } = await add(acme.member, project);
    const url = `/v1/tasks/${id}`;
    const deleted = await acme.member.send('DELETE', url);
    expect([deleted.statusCode, deleted.body]).toEqual([204, '']);
    const answers = [await acme.member.get(url), await acme.member.send('PATCH', url, { status: 'done' })];
    answers.push(
      await acme.member.send('DELETE', url),
      await acme.member.send('DELETE', url, undefined, { 'if-match': versionTag(acme.id, id, 1) }),
    );
    for (const answer of answers) expect(answer.json()).toMatchObject({ status: 404, type: '/problems/not-found' });
  });

  it('of an archived project can be read, and cannot be changed until it is restored', async () => {
    const archived = await addProject(acme);
    const { id } = await add(acme.member, archived);
    await acme.member.send('DELETE', `/v1/projects/${archived}`);
    const refused = [
      await acme.member.send('POST', `/v1/projects/${archived}/tasks`, { title: 'T' }),
      await acme.member.send('PATCH', `/v1/tasks/${id}`, { status: 'done' }),
      await acme.member.send('DELETE', `/v1/tasks/${id}`),
    ];
    for (const answer of refused) expect(answer.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
    expect((await acme.member.get(`/v1/tasks/${id}`)).statusCode).toBe(200);
    expect((await acme.member.get(`/v1/projects/${archived}/tasks`)).json().data).toHaveLength(1);
    await acme.member.send('POST', `/v1/projects/${archived}/restore`);
    expect((await acme.member.send('PATCH', `/v1/tasks/${id}`, { status: 'done' })).statusCode).toBe(200);
  });

  it('cannot be assigned to a user who has left the tenant', async () => {
    const { id } = await add(acme.member, project, { assigneeId: acme.admin.id });
    const leaver = uuidv7();
    await acme.happened(
      { type: 'MemberJoined', data: { userId: leaver, role: 'member', invitationId: uuidv7(), use: 1 } },
      { type: 'MemberRemoved', data: { userId: leaver, reason: 'left' } },
    );
    const answer = await acme.member.send('PATCH', `/v1/tasks/${id}`, { assigneeId: leaver });
    expect(answer.json()).toMatchObject({ status: 409 });
  });

  it('are created once by a request and its repeats, also if the first answer was lost', async () => {
    const url = `/v1/projects/${project}/tasks`;
    const key = { 'idempotency-key': randomUUID() };
    const head = await identity.log.head();
    const append = identity.log.append.bind(identity.log);
    jest.spyOn(identity.log, 'append').mockImplementationOnce(async (request) => {
      await append(request);
      throw new AppendOutcomeUnknown('interrupted');
    });
    const lost = await acme.member.send('POST', url, { title: 'Once' }, key);
    expect(lost.statusCode).toBe(503);
    // The project is archived before the repeat, which nevertheless succeeds, because the task already exists.
    await acme.member.send('DELETE', `/v1/projects/${project}`);
    const answer = await acme.member.send('POST', url, { title: 'Once' }, key);
    const again = await acme.member.send('POST', url, { title: 'Once' }, key);
    await acme.member.send('POST', `/v1/projects/${project}/restore`);
    expect([answer.statusCode, again.headers['idempotent-replayed']]).toEqual([201, 'true']);
    expect(again.json()).toEqual(answer.json());
    const { events } = await identity.log.readAll({ after: head, limit: 10, types: ['TaskCreated'] });
    expect(events.map(({ stream }) => stream.id)).toEqual([answer.json().id]);
  });
});
