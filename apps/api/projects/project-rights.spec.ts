import { uuidv7 } from '#platform/ids/uuid';
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

  const create = async (member: TestMember, more: object = {}): Promise<{ id: string }> => {
    const answer = await member.send('POST', '/v1/projects', { name: 'Website', ...more });
    expect(answer.statusCode).toBe(201);
    return answer.json();
  };

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
});
