import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppendOutcomeUnknown } from '#event-log/port';
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
  afterEach(() => jest.restoreAllMocks());

  /** Adds a member by an event, and waits until the read models have it. */
  const join = async (tenant: Tenant, role: (typeof ROLES)[number]): Promise<string> => {
    const userId = uuidv7();
    await identity.appendEvents(tenant.id, joined(userId, role));
    return userId;
  };
  const urlOf = (userId: string): string => `/v1/members/${userId}`;
  const ownersIn = (answer: { json(): { data: { userId: string; role: string }[] } }): string[] =>
    answer.json().data.flatMap(({ userId, role }) => (role === 'owner' ? [userId] : []));

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

  it('get a new role, which is shown and applies to their next request', async () => {
    const tenant = await createTenantWithMembers(identity);
    const answer = await tenant.owner.send('PATCH', urlOf(tenant.auditor.id), { role: 'member' });
    expect([answer.statusCode, answer.json()]).toEqual([200, expect.objectContaining({ role: 'member' })]);
    const shown = await tenant.owner.get(urlOf(tenant.auditor.id));
    expect(shown.json()).toEqual(answer.json());
    expect(shown.headers['etag']).toBe(answer.headers['etag']);
    expect((await tenant.auditor.get('/v1/members')).statusCode).toBe(200);
    await tenant.owner.send('PATCH', urlOf(tenant.auditor.id), { role: 'auditor' });
    expect((await tenant.auditor.get('/v1/members')).statusCode).toBe(403);
  });

  it('get a new role although the read model does not have them yet, because they have just joined', async () => {
    await identity.settled();
    const userId = uuidv7();
    const writes = await identity.owner.connect();
    await writes.query('begin; lock table read_model.members in exclusive mode');
    await acme.happened(joined(userId, 'member'));
    const answer = acme.owner.send('PATCH', urlOf(userId), { role: 'admin' });
    await Promise.race([answer, sleep(500)]);
    await writes.query('rollback');
    writes.release();
    expect((await answer).statusCode).toBe(200);
    expect((await answer).json()).toMatchObject({ userId, role: 'admin' });
  });

  it('keep their version if nothing changes', async () => {
    const { headers } = await acme.owner.get(urlOf(acme.member.id));
    const answer = await acme.owner.send('PATCH', urlOf(acme.member.id), { role: 'member' });
    expect([answer.statusCode, answer.headers['etag'], answer.headers['position']]).toEqual([
      200,
      headers['etag'],
      undefined,
    ]);
  });

  it.each([
    ['no role', {}, '/role'],
    ['an unknown role', { role: 'boss' }, '/role'],
    ['the name of a property that every object has', { role: 'constructor' }, '/role'],
    ['an unknown field', { role: 'admin', tenantId: uuidv7() }, '/tenantId'],
  ])('are not changed by a request with %s', async (_, body, pointer) => {
    const answer = await acme.owner.send('PATCH', urlOf(acme.member.id), body);
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
  });

  it('get the roles owner and admin, and lose the role owner, only by a request of an owner', async () => {
    const tenant = await createTenantWithMembers(identity);
    const change = async (by: 'owner' | 'admin', id: string, role: string): Promise<number> =>
      (await tenant[by].send('PATCH', urlOf(id), { role })).statusCode;
    expect(await change('admin', tenant.member.id, 'owner')).toBe(403);
    expect(await change('admin', tenant.owner.id, 'member')).toBe(403);
    expect(await change('admin', tenant.member.id, 'admin')).toBe(403);
    expect(await change('admin', tenant.member.id, 'auditor')).toBe(200);
    expect(await change('owner', tenant.member.id, 'owner')).toBe(200);
    expect(await change('owner', tenant.member.id, 'admin')).toBe(200);
  });

  it('always include an owner', async () => {
    const tenant = await createTenantWithMembers(identity);
    for (const answer of [
      await tenant.owner.send('PATCH', urlOf(tenant.owner.id), { role: 'admin' }),
      await tenant.owner.send('DELETE', urlOf(tenant.owner.id)),
    ])
      expect(answer.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
    expect(ownersIn(await tenant.owner.get('/v1/members'))).toEqual([tenant.owner.id]);
  });

  it('include an owner after two concurrent requests of the last two owners', async () => {
    const tenant = await createTenantWithMembers(identity);
    await tenant.owner.send('PATCH', urlOf(tenant.admin.id), { role: 'owner' });
    const answers = await Promise.all([
      tenant.owner.send('DELETE', urlOf(tenant.owner.id)),
      tenant.admin.send('PATCH', urlOf(tenant.admin.id), { role: 'member' }),
    ]);
    expect(answers.filter(({ statusCode }) => statusCode === 409).length).toBe(1);
    expect(ownersIn(await tenant.member.get('/v1/members')).length).toBe(1);
  });

  it('are changed and removed only in the expected version, whatever else has happened in the tenant', async () => {
    const userId = await join(acme, 'member');
    const seen = { 'if-match': String((await acme.owner.get(urlOf(userId))).headers['etag']) };
    await join(acme, 'member');
    await acme.owner.send('PATCH', '/v1/tenant', { name: `Acme ${userId}` });
    expect((await acme.owner.send('PATCH', urlOf(userId), { role: 'auditor' }, seen)).statusCode).toBe(200);
    const late = await acme.owner.send('PATCH', urlOf(userId), { role: 'admin' }, seen);
    expect(late.json()).toMatchObject({ status: 412, type: '/problems/precondition-failed' });
    expect((await acme.owner.send('DELETE', urlOf(userId), undefined, seen)).statusCode).toBe(412);
    const current = { 'if-match': String((await acme.owner.get(urlOf(userId))).headers['etag']) };
    expect((await acme.owner.send('DELETE', urlOf(userId), undefined, current)).statusCode).toBe(204);
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

  it('are removed by admins and owners, and refused from their next request on', async () => {
    const tenant = await createTenantWithMembers(identity);
    expect((await tenant.member.get('/v1/tenant')).statusCode).toBe(200);
    const answer = await tenant.admin.send('DELETE', urlOf(tenant.member.id));
    expect([answer.statusCode, answer.body]).toEqual([204, '']);
    expect(answer.headers['position']).toEqual(expect.any(String));
    expect((await tenant.member.get('/v1/tenant')).statusCode).toBe(401);
    expect((await tenant.admin.get(urlOf(tenant.member.id))).statusCode).toBe(404);
    expect((await tenant.admin.send('DELETE', urlOf(tenant.member.id))).statusCode).toBe(404);
  });

  it('who are owners cannot be removed by admins', async () => {
    const [second, third] = [await join(acme, 'owner'), await join(acme, 'admin')];
    for (const id of [second, acme.owner.id])
      expect((await acme.admin.send('DELETE', urlOf(id))).json()).toMatchObject({ status: 403 });
    expect((await acme.owner.send('DELETE', urlOf(second))).statusCode).toBe(204);
    expect((await acme.admin.send('DELETE', urlOf(third))).statusCode).toBe(204);
  });

  it('cannot be removed by members and auditors, who can leave themselves', async () => {
    const tenant = await createTenantWithMembers(identity);
    for (const role of ['member', 'auditor'] as const) {
      for (const id of [tenant.admin.id, tenant.owner.id, uuidv7()])
        expect((await tenant[role].send('DELETE', urlOf(id))).json()).toMatchObject({ status: 403 });
      expect((await tenant[role].send('DELETE', urlOf(tenant[role].id))).statusCode).toBe(204);
      expect((await tenant[role].get('/v1/tenant')).statusCode).toBe(401);
    }
    const { events } = await identity.log.readAll({ after: 0n, limit: 10_000, tenantId: tenant.id });
    expect(events.flatMap(({ type, data }) => (type === 'MemberRemoved' ? [data['reason']] : []))).toEqual([
      'left',
      'left',
    ]);
  });

  it('leave their teams when they leave the tenant', async () => {
    const tenant = await createTenantWithMembers(identity);
    const { id } = (await tenant.admin.send('POST', '/v1/teams', { name: 'Sales' })).json();
    for (const { id: userId } of [tenant.member, tenant.admin])
      await tenant.admin.send('PUT', `/v1/teams/${id}/members/${userId}`);
    await tenant.owner.send('DELETE', urlOf(tenant.member.id));
    expect((await tenant.admin.get(`/v1/teams/${id}`)).json().memberIds).toEqual([tenant.admin.id]);
    await identity.appendEvents(tenant.id, joined(tenant.member.id, 'member'));
    expect((await tenant.admin.get(`/v1/teams/${id}`)).json().memberIds).toEqual([tenant.admin.id]);
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

  it('are changed once by a request and its repeats', async () => {
    const userId = await join(acme, 'member');
    const key = { 'idempotency-key': randomUUID() };
    const first = await acme.owner.send('PATCH', urlOf(userId), { role: 'admin' }, key);
    await acme.owner.send('PATCH', urlOf(userId), { role: 'auditor' });
    const again = await acme.owner.send('PATCH', urlOf(userId), { role: 'admin' }, key);
    expect([again.headers['idempotent-replayed'], again.body]).toEqual(['true', first.body]);
    expect((await acme.owner.get(urlOf(userId))).json()).toMatchObject({ role: 'auditor' });
  });

  it('are removed once by a request whose first answer was lost after the append', async () => {
    const userId = await join(acme, 'member');
    const key = { 'idempotency-key': randomUUID() };
    const append = identity.log.append.bind(identity.log);
    jest.spyOn(identity.log, 'append').mockImplementationOnce(async (request) => {
      await append(request);
      throw new AppendOutcomeUnknown('interrupted');
    });
    expect((await acme.owner.send('DELETE', urlOf(userId), undefined, key)).statusCode).toBe(503);
    await identity.appendEvents(acme.id, joined(userId, 'auditor'));
    expect((await acme.owner.send('DELETE', urlOf(userId), undefined, key)).statusCode).toBe(204);
    expect((await acme.owner.get(urlOf(userId))).json()).toMatchObject({ role: 'auditor' });
  });
});
