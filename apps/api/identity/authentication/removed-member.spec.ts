import { joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

describe('the sessions of a member who was removed and has joined again', () => {
  let here: IdentityApp;
  let there: IdentityApp;
  let tenant: SignedUp;

  beforeAll(async () => {
    here = await createIdentityApp();
    there = await createIdentityApp(here);
    tenant = await here.signUp();
  });
  afterAll(async () => {
    await there.close();
    await here.close();
  });

  const tenantId = () => tenant.tenant.id;
  const get = async (app: IdentityApp, { accessToken }: SignedUp) =>
    (await app.get('/v1/tenant', accessToken)).statusCode;
  const refresh = (app: IdentityApp, { refreshToken }: SignedUp) => app.post('/v1/sessions/refresh', { refreshToken });
  const signIn = async ({ sent: { email } }: SignedUp): Promise<SignedUp> =>
    (await here.post('/v1/sessions', { email, password: PASSWORD, tenantId: tenantId() })).json();

  it('stay invalid, in every process, and a new sign-in works with the new role', async () => {
    const eve = await here.signUp();
    await here.appendEvents(tenantId(), joined(eve.user.id, 'member'));
    const before = await signIn(eve);
    for (const app of [here, there]) expect(await get(app, before)).toBe(200);
    await here.appendEvents(tenantId(), removed(eve.user.id));
    await here.appendEvents(tenantId(), joined(eve.user.id, 'admin'));
    for (const app of [here, there]) {
      expect(await get(app, before)).toBe(401);
      expect((await refresh(app, before)).statusCode).toBe(401);
    }
    const after = await signIn(eve);
    expect(after.tenant).toMatchObject({ id: tenantId(), role: 'admin' });
    for (const app of [here, there]) expect(await get(app, after)).toBe(200);
    const refreshed = await refresh(there, after);
    expect(refreshed.statusCode).toBe(201);
    expect(await get(here, refreshed.json())).toBe(200);
  });

  it('stay valid after a change of the role, because the membership is the same', async () => {
    const eve = await here.signUp();
    await here.appendEvents(tenantId(), joined(eve.user.id, 'member'));
    const session = await signIn(eve);
    const data = { userId: eve.user.id, role: 'admin' } as const;
    await here.appendEvents(tenantId(), { type: 'MemberRoleChanged', data });
    for (const app of [here, there]) expect(await get(app, session)).toBe(200);
    expect((await refresh(there, session)).statusCode).toBe(201);
  });
});
