import { createAccessRecords } from '#access/access-records';
import { eraseTenants, type TenantErasureDeps } from '#erasing/erase-tenants';
import { createPool } from '#platform/database/connections/pools';
import { joined } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

/** Two processes: `here` has the tenant in memory, and `there` closes and erases it. */
describe('a tenant that was erased by another process', () => {
  let here: IdentityApp;
  let there: IdentityApp;
  let deps: TenantErasureDeps;
  let tenant: SignedUp;
  let guest: SignedUp;

  beforeAll(async () => {
    here = await createIdentityApp();
    there = await createIdentityApp(here);
    const pool = createPool({ url: here.database.urls.projector, max: 3, applicationName: 'test' });
    deps = { log: there.log, pool, accessRecords: createAccessRecords({ pool }), due: async () => [tenant.tenant.id] };
    [tenant, guest] = [await here.signUp({ companyName: 'Closing Ltd' }), await here.signUp()];
    await here.appendEvents(tenant.tenant.id, joined(guest.user.id, 'member'));
    expect((await here.get('/v1/tenant', tenant.accessToken)).statusCode).toBe(200);
    expect((await switchTo(tenant.tenant.id)).statusCode).toBe(201);
    const closing = { token: tenant.accessToken, payload: { confirmName: 'Closing Ltd' } };
    expect((await there.request('DELETE', '/v1/tenant', closing)).statusCode).toBe(200);
    await here.settled();
    expect(await eraseTenants(deps)).toBe(1);
  });
  afterAll(async () => {
    await deps.pool.end();
    await there.close();
    await here.close();
  });

  const switchTo = (tenantId: string) =>
    here.request('POST', '/v1/sessions/switch', { token: guest.accessToken, payload: { tenantId } });

  it('cannot be entered by switching to it or by signing in', async () => {
    expect((await switchTo(tenant.tenant.id)).statusCode).toBe(404);
    const { email } = tenant.sent;
    const signIn = await here.post('/v1/sessions', { email, password: PASSWORD, tenantId: tenant.tenant.id });
    expect(signIn.statusCode).toBe(404);
  });

  it('accepts no request with an earlier token', async () => {
    const { accessToken: token } = tenant;
    expect((await here.get('/v1/tenant', token)).statusCode).toBe(401);
    const project = await here.request('POST', '/v1/projects', { token, payload: { name: 'Website' } });
    expect(project.statusCode).toBe(401);
    const remaining = await here.log.readAll({ after: 0n, limit: 100, tenantId: tenant.tenant.id });
    expect(remaining.events).toEqual([]);
  });
});
