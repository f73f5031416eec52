import { uuidv7 } from '#platform/ids/uuid';
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

  const addProject = async ({ member }: Tenant): Promise<string> =>
    (await member.send('POST', '/v1/projects', { name: 'Website' })).json().id;
  const add = async (member: TestMember, projectId: string, more: object = {}): Promise<TaskAnswer> => {
    const answer = await member.send('POST', `/v1/projects/${projectId}/tasks`, { title: 'Choose a colour', ...more });
    expect(answer.statusCode).toBe(201);
    return answer.json();
  };

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
});
