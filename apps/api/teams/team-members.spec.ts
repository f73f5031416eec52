import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { comparableAnswer, createTenantWithMembers, type Tenant, type TestMember } from '#test/support/tenant';

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
  const etagOf = async (url: string): Promise<string> => String((await acme.member.get(url)).headers['etag']);

  it('get a new version when their members change', async () => {
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

  it('have each member once, until the member is removed', async () => {
    const url = `/v1/teams/${await create(acme.admin)}`;
    const userIds = [acme.owner.id, acme.auditor.id].sort();
    for (const id of [...userIds, ...userIds]) {
      const answer = await acme.admin.send('PUT', `${url}/members/${id}`);
      expect([answer.statusCode, answer.body]).toEqual([204, '']);
    }
    expect((await acme.member.get(url)).json().memberIds).toEqual(userIds);
    const membership = `${url}/members/${userIds[0]}`;
    expect((await acme.admin.send('DELETE', membership)).statusCode).toBe(204);
    expect((await acme.admin.send('DELETE', membership)).statusCode).toBe(404);
    expect((await acme.member.get(url)).json().memberIds).toEqual([userIds[1]]);
  });

  it('contain their members in the answer to a change of the name', async () => {
    const url = `/v1/teams/${await create(acme.admin)}`;
    await acme.admin.send('PUT', `${url}/members/${acme.member.id}`);
    const renamed = await acme.admin.send('PATCH', url, { name: `New ${url}` });
    expect(renamed.json()).toMatchObject({ memberIds: [acme.member.id] });
  });

  it('cannot have members of another tenant: their ids get the same answer as unknown ids', async () => {
    const url = `/v1/teams/${await create(acme.admin)}/members`;
    for (const method of ['PUT', 'DELETE'] as const) {
      const answer = comparableAnswer(await acme.admin.send(method, `${url}/${other.member.id}`));
      expect(answer).toMatchObject({ statusCode: 404, type: '/problems/not-found' });
      expect(comparableAnswer(await acme.admin.send(method, `${url}/${uuidv7()}`))).toEqual(answer);
    }
  });
});
