import { randomUUID } from 'node:crypto';
import { AppendOutcomeUnknown } from '#event-log/port';
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
  afterEach(() => jest.restoreAllMocks());

  /** Adds a member by an event, and waits until the read models have it. */
  const join = async (tenant: Tenant, role: (typeof ROLES)[number]): Promise<string> => {
    const userId = uuidv7();
    await identity.appendEvents(tenant.id, joined(userId, role));
    return userId;
  };
  const urlOf = (userId: string): string => `/v1/members/${userId}`;

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
