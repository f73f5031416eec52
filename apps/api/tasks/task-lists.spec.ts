import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { createTenantWithMembers, type Tenant, type TestMember } from '#test/support/tenant';

interface TaskAnswer {
  readonly id: string;
}

describe('tasks', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  let project: string;
  beforeAll(async () => {
    identity = await createIdentityApp();
    acme = await createTenantWithMembers(identity);
    project = await addProject(acme);
  });
  afterAll(() => identity.close());

  const addProject = async ({ member }: Tenant): Promise<string> =>
    (await member.send('POST', '/v1/projects', { name: 'Website' })).json().id;
  const add = async (member: TestMember, projectId: string, more: object = {}): Promise<TaskAnswer> => {
    const answer = await member.send('POST', `/v1/projects/${projectId}/tasks`, { title: 'Choose a colour', ...more });
    expect(answer.statusCode).toBe(201);
    return answer.json();
  };

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
});
