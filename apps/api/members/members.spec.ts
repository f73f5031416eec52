import { uuidv7 } from '#platform/ids/uuid';
import { joined } from '#test/support/facts';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { comparableAnswer, createTenantWithMembers, type Tenant } from '#test/support/tenant';
import { versionTag } from '../http/contract/etag';

const ROLES = ['owner', 'admin', 'member', 'auditor'] as const;

describe('members', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  let other: Tenant;
  beforeAll(async () => {
    identity = await createIdentityApp();
    [acme, other] = [await createTenantWithMembers(identity), await createTenantWithMembers(identity)];
  });
  afterAll(() => identity.close());

  /** Adds a member by an event, and waits until the read models have it. */
  const join = async (tenant: Tenant, role: (typeof ROLES)[number]): Promise<string> => {
    const userId = uuidv7();
    await identity.appendEvents(tenant.id, joined(userId, role));
    return userId;
  };
  const urlOf = (userId: string): string => `/v1/members/${userId}`;

  it('are listed with their names, newest first', async () => {
    const [ada, bob] = [await identity.signUp(), await identity.signUp({ personName: 'Bob 鲍勃 🚀' })];
    await identity.appendEvents(ada.tenant.id, joined(bob.user.id, 'auditor'));
    const { data, nextCursor } = (await identity.get('/v1/members', ada.accessToken)).json();
    expect(nextCursor).toBeNull();
    const joinedAt = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(data).toEqual([
      { userId: bob.user.id, name: 'Bob 鲍勃 🚀', email: bob.sent.email, role: 'auditor', joinedAt },
      { userId: ada.user.id, name: 'Ada Lovelace', email: ada.sent.email, role: 'owner', joinedAt },
    ]);
    expect((await identity.get(urlOf(bob.user.id), ada.accessToken)).json()).toEqual(data[0]);
  });

  it('have the role of this tenant and not of another tenant', async () => {
    const [ada, bob] = [await identity.signUp(), await identity.signUp()];
    await identity.appendEvents(bob.tenant.id, joined(ada.user.id, 'auditor'));
    const { data } = (await identity.get('/v1/members', ada.accessToken)).json();
    expect(data).toEqual([expect.objectContaining({ userId: ada.user.id, role: 'owner' })]);
    expect((await identity.get(urlOf(ada.user.id), bob.accessToken)).json()).toMatchObject({ role: 'auditor' });
  });

  it('are removed when they are erased as users', async () => {
    const [ada, bob] = [await identity.signUp(), await identity.signUp()];
    await identity.appendEvents(ada.tenant.id, joined(bob.user.id, 'member'));
    await identity.appendEvents(bob.tenant.id, joined(uuidv7(), 'owner'));
    expect((await identity.request('DELETE', '/v1/me', { token: bob.accessToken })).statusCode).toBe(204);
    const { data } = (await identity.get('/v1/members', ada.accessToken)).json();
    expect(data.map(({ userId }: { userId: string }) => userId)).toEqual([ada.user.id]);
    expect((await identity.get(urlOf(bob.user.id), ada.accessToken)).statusCode).toBe(404);
  });

  it('are listed page by page', async () => {
    const tenant = await createTenantWithMembers(identity);
    const { owner, admin, member, auditor } = tenant;
    const ids = [auditor.id, member.id, admin.id, owner.id];
    for (let n = 0; n < 3; n++) ids.unshift(await join(tenant, 'member'));
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const answer = await tenant.member.get(`/v1/members?limit=2${cursor && `&cursor=${cursor}`}`);
      const page: { data: { userId: string }[]; nextCursor: string | null } = answer.json();
      expect(page.data.length).toBeLessThanOrEqual(2);
      seen.push(...page.data.map(({ userId }) => userId));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(ids);
  });

  it('are not listed by a cursor of another tenant', async () => {
    const { nextCursor } = (await acme.member.get('/v1/members?limit=1')).json();
    const answer = await other.member.get(`/v1/members?limit=1&cursor=${nextCursor}`);
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/query/cursor' }] });
  });

  it('can be read by members, and not by auditors', async () => {
    for (const url of ['/v1/members', urlOf(acme.owner.id), urlOf(uuidv7())])
      expect((await acme.auditor.get(url)).json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
    for (const role of ['owner', 'admin', 'member'] as const)
      expect((await acme[role].get(urlOf(acme.auditor.id))).json()).toMatchObject({ role: 'auditor' });
  });

  it('are answered 304 while name, address and role are the same', async () => {
    const [ada, bob] = [await identity.signUp(), await identity.signUp()];
    await identity.appendEvents(ada.tenant.id, joined(bob.user.id, 'member'));
    const ask = (etag: string) =>
      identity.request('GET', urlOf(bob.user.id), { token: ada.accessToken, headers: { 'if-none-match': etag } });
    const etag = String((await identity.get(urlOf(bob.user.id), ada.accessToken)).headers['etag']);
    expect((await ask(etag)).statusCode).toBe(304);
    await identity.request('PATCH', '/v1/me', { token: bob.accessToken, payload: { name: 'Robert' } });
    const renamed = await ask(etag);
    expect([renamed.statusCode, renamed.json().name]).toEqual([200, 'Robert']);
    // The name is not part of the version that a change of the role expects.
    const change = { token: ada.accessToken, payload: { role: 'admin' }, headers: { 'if-match': etag } };
    expect((await identity.request('PATCH', urlOf(bob.user.id), change)).statusCode).toBe(200);
  });

  it('of another tenant are not found, with the same answer as unknown ids', async () => {
    const routes: [
      method: 'GET' | 'PATCH' | 'DELETE',
      payload?: object | undefined,
      headers?: Record<string, string>,
    ][] = [
      ['GET'],
      ['PATCH', { role: 'member' }],
      ['PATCH', { role: 'member' }, { 'if-match': versionTag(other.id, other.member.id, 3) }],
      ['DELETE'],
      ['DELETE', undefined, { 'if-match': versionTag(acme.id, other.member.id, 3) }],
      ['DELETE', undefined, { 'if-match': '"9"' }],
    ];
    for (const [method, ...rest] of routes) {
      const answer = comparableAnswer(await acme.owner.send(method, urlOf(other.member.id), ...rest));
      expect(answer).toMatchObject({ statusCode: 404, type: '/problems/not-found' });
      expect(comparableAnswer(await acme.owner.send(method, urlOf(uuidv7()), ...rest))).toEqual(answer);
    }
    expect((await other.owner.get(urlOf(other.member.id))).json()).toMatchObject({ role: 'member' });
  });

  it('answer 400 to a malformed id, with its pointer', async () => {
    for (const method of ['GET', 'DELETE'] as const) {
      const answer = await acme.owner.send(method, '/v1/members/me');
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/path/userId' }] });
    }
  });
});
