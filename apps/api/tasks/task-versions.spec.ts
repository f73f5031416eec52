import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { createTenantWithMembers, type Tenant, type TestMember } from '#test/support/tenant';
import { versionTag } from '../http/contract/etag';

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
});
