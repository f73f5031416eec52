import type { PlanLimits } from '#domain/limits';
import type { Terms } from '#domain/tenant/billing-events';
import { createCatalogue, FOUNDING_TERMS } from '#plans/catalogue/index';
import { RESERVED_SECONDS } from '#plans/reservations';
import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

const catalogue = createCatalogue();

describe('a limit of a plan', () => {
  let app: IdentityApp;
  beforeAll(async () => {
    app = await createIdentityApp(undefined, { plans: 'catalogue' });
  });
  afterAll(() => app.close());

  const changeTerms = (tenant: SignedUp, terms: Terms) =>
    app.appendEvents(tenant.tenant.id, { type: 'PlanChanged', data: { terms, reason: 'agreed' } });
  const termsWith = (limits: Partial<PlanLimits>): Terms => ({
    ...FOUNDING_TERMS,
    limits: { ...FOUNDING_TERMS.limits, ...limits },
  });
  const makeProject = (tenant: SignedUp) =>
    app.request('POST', '/v1/projects', { token: tenant.accessToken, payload: { name: 'Website' } });
  const makeTask = (tenant: SignedUp, projectId: string) =>
    app.request('POST', `/v1/projects/${projectId}/tasks`, { token: tenant.accessToken, payload: { title: 'Do it' } });
  const usageOf = async (tenant: SignedUp, resource: string) => {
    const { data } = (await app.get('/v1/usage', tenant.accessToken)).json() as { data: { resource: string }[] };
    return data.find((it) => it.resource === resource);
  };

  it('is the larger one from the next request after an upgrade', async () => {
    const tenant = await app.signUp();
    for (let at = 0; at < 3; at++) await makeProject(tenant);
    expect((await makeProject(tenant)).statusCode).toBe(402);
    await changeTerms(tenant, catalogue.termsOf('pro', null));
    expect((await makeProject(tenant)).statusCode).toBe(201);
  });

  it('that became smaller deletes nothing: projects beyond it can be read and archived, and not changed', async () => {
    const tenant = await app.signUp();
    const { accessToken: token } = tenant;
    await changeTerms(tenant, catalogue.termsOf('pro', null));
    const ids: string[] = [];
    for (let at = 0; at < 5; at++) ids.push(((await makeProject(tenant)).json() as { id: string }).id);
    await changeTerms(tenant, FOUNDING_TERMS);
    const [oldest = '', , , beyond = '', last = ''] = ids;
    expect((await makeTask(tenant, oldest)).statusCode).toBe(201);
    expect((await makeTask(tenant, beyond)).statusCode).toBe(402);
    const rename = (id: string) => app.request('PATCH', `/v1/projects/${id}`, { token, payload: { name: 'Shop' } });
    const refused = await rename(beyond);
    expect([refused.statusCode, refused.json()]).toEqual([402, expect.objectContaining({ used: ids.length })]);
    expect((await makeProject(tenant)).json()).toMatchObject({ used: ids.length });
    expect((await rename(oldest)).statusCode).toBe(200);
    expect((await app.get(`/v1/projects/${beyond}`, token)).statusCode).toBe(200);
    expect((await makeProject(tenant)).statusCode).toBe(402);
    for (const id of [oldest, last])
      expect((await app.request('DELETE', `/v1/projects/${id}`, { token })).statusCode).toBe(200);
    expect((await rename(beyond)).statusCode).toBe(200);
    expect((await rename(uuidv7())).statusCode).toBe(404);
  });

  it('can be read while the tenant is suspended', async () => {
    const tenant = await app.signUp();
    const since = '2026-01-02T03:04:05.678Z';
    await app.appendEvents(tenant.tenant.id, {
      type: 'WorkspaceLocked',
      data: { reason: 'payment-failed', since, suspendAt: since },
    });
    await app.appendEvents(tenant.tenant.id, { type: 'WorkspaceSuspended', data: { since } });
    expect((await app.get('/v1/tenant', tenant.accessToken)).statusCode).toBe(402);
    expect(await usageOf(tenant, 'projects')).toMatchObject({ used: 0 });
  });

  it('is not used up by overdue reservations of killed processes', async () => {
    const tenant = await app.signUp();
    const tenantId = tenant.tenant.id;
    await changeTerms(tenant, termsWith({ projects: 2 }));
    const reserveAsKilledProcess = (commandId: string, unitId: string) =>
      app.owner.query(
        `insert into plans.reservations (tenant_id, command_id, resource, scope_id, unit_id, expires_at, overdue_at)
         values ($1, $2, 'projects', $1, $3, now() - interval '1 second', lease.now() - interval '1 second')`,
        [tenantId, commandId, unitId],
      );
    await reserveAsKilledProcess(uuidv7(), uuidv7());
    await reserveAsKilledProcess(uuidv7(), uuidv7());
    expect((await makeProject(tenant)).statusCode).toBe(201);
    expect((await makeProject(tenant)).statusCode).toBe(201);
    expect((await makeProject(tenant)).statusCode).toBe(402);
    expect(RESERVED_SECONDS).toBeLessThan(60);
  });

  it('does not refuse the repeat of a request whose answer was lost', async () => {
    const tenant = await app.signUp();
    const key = uuidv7();
    const create = (idempotencyKey: string) =>
      app.request('POST', '/v1/projects', {
        ...{ token: tenant.accessToken, payload: { name: 'Website' } },
        headers: { 'idempotency-key': idempotencyKey },
      });
    await makeProject(tenant);
    await makeProject(tenant);
    const first = await create(key);
    expect(first.statusCode).toBe(201);
    await app.settled();
    // The state that a process leaves if it is killed between the append and the answer.
    await app.owner.query(
      `update idempotency.keys set status = null, answer = null, leased_until = '-infinity' where tenant_id = $1 and command_id in (
         select command_id from event_log.events where aggregate_id = $2)`,
      [tenant.tenant.id, (first.json() as { id: string }).id],
    );
    const again = await create(key);
    expect([again.statusCode, again.json()]).toEqual([201, first.json()]);
    expect((await create(uuidv7())).statusCode).toBe(402);
  });
});
