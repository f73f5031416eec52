import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { comparableAnswer, createTenantWithMembers, type Tenant, type TestMember } from '#test/support/tenant';
import { versionTag } from '../http/contract/etag';

describe('teams', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  let other: Tenant;
  beforeAll(async () => {
    identity = await createIdentityApp();
    [acme, other] = [await createTenantWithMembers(identity), await createTenantWithMembers(identity)];
  });
  afterAll(() => identity.close());

  const create = async (admin: TestMember, name = `Team ${uuidv7()}`): Promise<string> => {
    const answer = await admin.send('POST', '/v1/teams', { name });
    expect(answer.statusCode).toBe(201);
    return answer.json().id;
  };

  const routes = (
    id: string,
    userId: string,
  ): ['GET' | 'PUT' | 'PATCH' | 'DELETE', string, (object | undefined)?, Record<string, string>?][] => [
    ['GET', `/v1/teams/${id}`],
    ['PATCH', `/v1/teams/${id}`, { name: 'Mine' }],
    ['PATCH', `/v1/teams/${id}`, { name: 'Mine' }, { 'if-match': versionTag(acme.id, id, 5) }],
    ['PATCH', `/v1/teams/${id}`, { name: 'Mine' }, { 'if-match': versionTag(other.id, id, 5) }],
    ['DELETE', `/v1/teams/${id}`],
    ['DELETE', `/v1/teams/${id}`, undefined, { 'if-match': versionTag(acme.id, id, 5) }],
    ['PUT', `/v1/teams/${id}/members/${userId}`],
    ['DELETE', `/v1/teams/${id}/members/${userId}`],
  ];

  it('of another tenant are not found, with the same answer as unknown ids', async () => {
    const foreign = await create(other.admin);
    await other.admin.send('PUT', `/v1/teams/${foreign}/members/${other.member.id}`);
    for (const userId of [other.member.id, acme.member.id]) {
      const random = routes(uuidv7(), userId);
      for (const [at, [method, url, ...rest]] of routes(foreign, userId).entries()) {
        const answer = comparableAnswer(await acme.owner.send(method, url, ...rest));
        expect(answer).toMatchObject({ statusCode: 404, type: '/problems/not-found' });
        const [sameMethod, randomUrl, ...same] = random[at] ?? ['GET', '/'];
        expect(comparableAnswer(await acme.owner.send(sameMethod, randomUrl, ...same))).toEqual(answer);
      }
    }
    expect((await other.member.get(`/v1/teams/${foreign}`)).json().memberIds).toEqual([other.member.id]);
  });

  it('can be changed only by admins and owners, and cannot be read by auditors', async () => {
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

  it('answer 400 to a malformed id, with its pointer', async () => {
    const [team, user] = [await create(acme.admin), uuidv7()];
    for (const [url, pointer] of [
      [`/v1/teams/first/members/${user}`, '/path/id'],
      [`/v1/teams/${team}/members/me`, '/path/userId'],
    ]) {
      const answer = await acme.admin.send('PUT', String(url));
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
    }
  });
});
