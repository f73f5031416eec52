import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from '#platform/ids/uuid';
import { joined } from '#test/support/facts';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { createTenantWithMembers, type Tenant } from '#test/support/tenant';

const ROLES = ['owner', 'admin', 'member', 'auditor'] as const;

describe('members', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  beforeAll(async () => {
    identity = await createIdentityApp();
    acme = await createTenantWithMembers(identity);
  });
  afterAll(() => identity.close());

  /** Adds a member by an event, and waits until the read models have it. */
  const join = async (tenant: Tenant, role: (typeof ROLES)[number]): Promise<string> => {
    const userId = uuidv7();
    await identity.appendEvents(tenant.id, joined(userId, role));
    return userId;
  };
  const urlOf = (userId: string): string => `/v1/members/${userId}`;
  const ownersIn = (answer: { json(): { data: { userId: string; role: string }[] } }): string[] =>
    answer.json().data.flatMap(({ userId, role }) => (role === 'owner' ? [userId] : []));

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

  it('are changed once by a request and its repeats', async () => {
    const userId = await join(acme, 'member');
    const key = { 'idempotency-key': randomUUID() };
    const first = await acme.owner.send('PATCH', urlOf(userId), { role: 'admin' }, key);
    await acme.owner.send('PATCH', urlOf(userId), { role: 'auditor' });
    const again = await acme.owner.send('PATCH', urlOf(userId), { role: 'admin' }, key);
    expect([again.headers['idempotent-replayed'], again.body]).toEqual(['true', first.body]);
    expect((await acme.owner.get(urlOf(userId))).json()).toMatchObject({ role: 'auditor' });
  });
});
