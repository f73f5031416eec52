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

  it('keep their version if nothing changes', async () => {
    const { id } = await add(acme.member, project);
    for (const body of [{}, { status: 'open', assigneeId: null }]) {
      const answer = await acme.member.send('PATCH', `/v1/tasks/${id}`, body);
      const { etag, position } = answer.headers;
      expect([answer.statusCode, etag, position]).toEqual([200, versionTag(acme.id, id, 1), undefined]);
    }
  });

  it('are changed and deleted only in the expected version', async () => {
    const { id } = await add(acme.member, project);
    const url = `/v1/tasks/${id}`;
    const [expected, next] = [1, 2].map((version) => ({ 'if-match': versionTag(acme.id, id, version) }));
    expect((await acme.member.send('PATCH', url, { status: 'done' }, expected)).statusCode).toBe(200);
    const late = await acme.member.send('PATCH', url, { status: 'open' }, expected);
    expect(late.json()).toMatchObject({ status: 412, type: '/problems/precondition-failed' });
    expect((await acme.member.send('DELETE', url, undefined, expected)).statusCode).toBe(412);
    expect((await acme.member.send('DELETE', url, undefined, next)).statusCode).toBe(204);
  });

  it('accept one of twenty concurrent changes of one version', async () => {
    const { id } = await add(acme.member, project);
    const expected = { 'if-match': versionTag(acme.id, id, 1) };
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        acme.member.send('PATCH', `/v1/tasks/${id}`, { title: `Edit ${at}` }, expected),
      ),
    );
    const statuses = answers.map(({ statusCode }) => statusCode).sort();
    expect(statuses).toEqual([200, ...Array<number>(19).fill(412)]);
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

  describe('of a project', () => {
    let listed: string;
    /** Newest first. */
    let ids: readonly [string, string, string, string, string];
    beforeAll(async () => {
      listed = await addProject(acme);
      const created: string[] = [];
      for (const more of [
        { dueOn: '2026-01-10', assigneeId: acme.member.id },
        { dueOn: '2026-01-20', assigneeId: acme.admin.id },
        { dueOn: '2026-01-30', assigneeId: acme.member.id },
        { assigneeId: acme.member.id },
        {},
      ])
        created.unshift((await add(acme.member, listed, more)).id);
      ids = created as unknown as typeof ids;
      await acme.member.send('PATCH', `/v1/tasks/${ids[4]}`, { status: 'done' });
      await acme.member.send('PATCH', `/v1/tasks/${ids[3]}`, { status: 'in-progress' });
      await add(acme.member, project, { assigneeId: acme.member.id });
    });

    const list = async (query = ''): Promise<{ ids: string[]; nextCursor: string | null }> => {
      const answer = await acme.member.get(`/v1/projects/${listed}/tasks?${query}`);
      expect(answer.statusCode).toBe(200);
      const { data, nextCursor } = answer.json();
      return { ids: data.map(({ id }: TaskAnswer) => id), nextCursor };
    };

    it('are listed newest first, each with the fields that `GET /v1/tasks/:id` returns', async () => {
      expect(await list()).toEqual({ ids, nextCursor: null });
      const { data } = (await acme.member.get(`/v1/projects/${listed}/tasks`)).json();
      for (const task of data) expect((await acme.member.get(`/v1/tasks/${task.id}`)).json()).toEqual(task);
    });

    it.each([1, 2, 4, 5])('are listed once each in pages of %i', async (limit) => {
      const seen: string[] = [];
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: Awaited<ReturnType<typeof list>> = await list(`limit=${limit}${cursor && `&cursor=${cursor}`}`);
        seen.push(...page.ids);
        cursor = page.nextCursor;
      }
      expect(seen).toEqual(ids);
    });

    it.each<[string, (it: typeof acme) => string, number[]]>([
      ['status', () => 'status=open', [0, 1, 2]],
      ['another status', () => 'status=done', [4]],
      ['assignee', ({ member }) => `assignee=${member.id}`, [1, 2, 4]],
      ['an assignee id in upper case', ({ admin }) => `assignee=${admin.id.toUpperCase()}`, [3]],
      ['an assignee without tasks', ({ owner }) => `assignee=${owner.id}`, []],
      ['a due date before a date', () => 'dueBefore=2026-01-30', [3, 4]],
      ['a due date after a date', () => 'dueAfter=2026-01-10', [2, 3]],
      ['a due date between two dates', () => 'dueAfter=2026-01-10&dueBefore=2026-01-30', [3]],
      ['status and assignee', ({ member }) => `status=open&assignee=${member.id}`, [1, 2]],
      ['status and due date', () => 'status=open&dueAfter=2026-01-01', [2]],
      ['assignee and due date', ({ member }) => `assignee=${member.id}&dueBefore=2026-01-30`, [4]],
      [
        'all filters',
        ({ member }) => `status=done&assignee=${member.id}&dueBefore=2026-02-01&dueAfter=2026-01-01`,
        [4],
      ],
    ])('are listed by %s', async (_, query, expected) => {
      expect((await list(query(acme))).ids).toEqual(expected.map((at) => ids[at]));
    });

    it('are listed page by page with a filter', async () => {
      const query = `assignee=${acme.member.id}&limit=2`;
      const first = await list(query);
      expect(first.ids).toEqual([ids[1], ids[2]]);
      expect(await list(`${query}&cursor=${first.nextCursor}`)).toEqual({ ids: [ids[4]], nextCursor: null });
    });

    it.each(['status=late', 'assignee=me', 'dueBefore=tomorrow', 'dueAfter=2026-02-30', 'limit=0', 'project=x'])(
      'are not listed by the invalid query %s',
      async (query) => {
        const answer = await acme.member.get(`/v1/projects/${listed}/tasks?${query}`);
        const pointer = `/query/${query.split('=', 1)[0]}`;
        expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
      },
    );

    it('are an empty list if no task matches', async () => {
      const empty = await addProject(acme);
      const answer = await acme.member.get(`/v1/projects/${empty}/tasks?status=done`);
      expect(answer.json()).toEqual({ data: [], nextCursor: null });
    });

    it('are not listed by a cursor of another list', async () => {
      const { nextCursor } = await list('limit=1');
      const answer = await acme.member.get(`/v1/projects/${project}/tasks?cursor=${nextCursor}`);
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
    });
  });

  const routes = (
    id: string,
  ): ['GET' | 'PATCH' | 'DELETE', string, (object | undefined)?, Record<string, string>?][] => [
    ['GET', `/v1/tasks/${id}`],
    ['PATCH', `/v1/tasks/${id}`, { title: 'Mine' }],
    ['PATCH', `/v1/tasks/${id}`, { assigneeId: acme.owner.id }, { 'if-match': versionTag(acme.id, id, 1) }],
    ['PATCH', `/v1/tasks/${id}`, { assigneeId: uuidv7() }],
    ['DELETE', `/v1/tasks/${id}`],
    ['DELETE', `/v1/tasks/${id}`, undefined, { 'if-match': versionTag(other.id, id, 1) }],
  ];

  it('of another tenant are not found, with the same answer as unknown ids', async () => {
    const { id: foreign } = await add(other.member, await addProject(other));
    const random = routes(uuidv7());
    for (const [at, [method, url, ...rest]] of routes(foreign).entries()) {
      const answer = comparableAnswer(await acme.owner.send(method, url, ...rest));
      expect(answer).toMatchObject({ statusCode: 404, type: '/problems/not-found' });
      const [sameMethod, randomUrl, ...same] = random[at] ?? ['GET', '/'];
      expect(comparableAnswer(await acme.owner.send(sameMethod, randomUrl, ...same))).toEqual(answer);
    }
    const { etag } = (await other.member.get(`/v1/tasks/${foreign}`)).headers;
    expect(etag).toBe(versionTag(other.id, foreign, 1));
  });

  it('cannot be read or written by auditors', async () => {
    const { id } = await add(acme.member, project);
    for (const [method, url, ...rest] of routes(id)) {
      const answer = await acme.auditor.send(method, url, ...rest);
      expect(answer.json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
    }
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
