import { CLOSED, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

describe('a user who is no longer a member of any tenant', () => {
  let app: IdentityApp;
  let ada: SignedUp;
  let token: string;
  let refreshToken: string;

  beforeAll(async () => {
    app = await createIdentityApp();
  });
  afterAll(() => app.close());

  beforeEach(async () => {
    ada = await app.signUp();
    await app.appendEvents(ada.tenant.id, CLOSED);
    const signedIn = await app.post('/v1/sessions', { email: ada.sent.email, password: PASSWORD });
    expect(signedIn.statusCode).toBe(201);
    ({ accessToken: token, refreshToken } = signedIn.json());
  });

  const createTenant = (headers: Record<string, string> = {}) =>
    app.request('POST', '/v1/tenants', { token, payload: { companyName: 'Second Ltd' }, headers });

  it('can use the routes about the user', async () => {
    const me = (await app.get('/v1/me', token)).json();
    expect(me).toMatchObject({ id: ada.user.id, companies: [] });
    expect(me.tenant).toBeUndefined();
    const renamed = await app.request('PATCH', '/v1/me', { token, payload: { name: 'Ada King' } });
    expect(renamed.json()).toMatchObject({ name: 'Ada King' });
    const sessions = (await app.get('/v1/sessions?limit=1', token)).json();
    expect(sessions.data).toMatchObject([{ current: true, tenantId: null }]);
    const rest = (await app.get(`/v1/sessions?limit=1&cursor=${sessions.nextCursor}`, token)).json();
    expect(rest.data).toMatchObject([{ current: false, tenantId: ada.tenant.id }]);
    const payload = { currentPassword: PASSWORD, newPassword: 'a new horse and a new staple' };
    expect((await app.request('POST', '/v1/me/password', { token, payload })).statusCode).toBe(204);
    expect((await app.request('DELETE', '/v1/sessions/current', { token })).statusCode).toBe(204);
    expect((await app.get('/v1/me', token)).statusCode).toBe(401);
  });

  it('stays signed in by refreshing the tokens', async () => {
    const refreshed = await app.post('/v1/sessions/refresh', { refreshToken });
    expect(refreshed.statusCode).toBe(201);
    expect((await app.get('/v1/me', refreshed.json().accessToken)).statusCode).toBe(200);
  });

  it('is refused on routes that need a tenant, and cannot switch to a tenant of other users', async () => {
    const other = await app.signUp();
    const answer = await app.get('/v1/projects', token);
    expect(answer.json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
    expect(answer.json().detail).toContain('your session has none');
    const request = { token, payload: { tenantId: other.tenant.id } };
    expect((await app.request('POST', '/v1/sessions/switch', request)).statusCode).toBe(404);
  });

  it('can have their personal data erased', async () => {
    expect((await app.request('DELETE', '/v1/me', { token })).statusCode).toBe(204);
    expect((await app.post('/v1/sessions', { email: ada.sent.email, password: PASSWORD })).statusCode).toBe(401);
  });

  it('can join a tenant by an invitation', async () => {
    const other = await app.signUp();
    const request = { token: other.accessToken, payload: { role: 'member', maxUses: 1 } };
    const { url } = (await app.request('POST', '/v1/invitations', request)).json();
    const accepted = await app.request('POST', '/v1/invitations/accept', {
      ...{ token, payload: { token: String(url).split('/').at(-1) } },
    });
    expect(accepted.json()).toMatchObject({ tenant: { id: other.tenant.id, role: 'member' } });
  });

  it('creates one tenant per idempotency key, and owns it', async () => {
    const headers = { 'idempotency-key': `create ${ada.user.id}` };
    const created = await createTenant(headers);
    expect(created.statusCode).toBe(201);
    const { tenant, accessToken } = created.json();
    expect(tenant).toMatchObject({ name: 'Second Ltd', slug: 'second-ltd', role: 'owner' });
    expect((await createTenant(headers)).json()).toEqual(created.json());
    expect((await app.get('/v1/tenant', accessToken)).json()).toMatchObject({ id: tenant.id, name: 'Second Ltd' });
    expect((await app.get('/v1/me', token)).json().companies).toEqual([tenant]);
    const again = await app.post('/v1/sessions', { email: ada.sent.email, password: PASSWORD });
    expect(again.json().tenant).toEqual(tenant);
  });

  it('cannot create a tenant while being erased', async () => {
    await app.owner.query(`update identity.users set state = 'erasing' where id = $1`, [ada.user.id]);
    const before = await app.log.head();
    expect((await createTenant()).statusCode).toBe(401);
    expect(await app.log.head()).toBe(before);
  });

  it('can also sign in if they were removed from their tenant', async () => {
    const bob = await app.signUp();
    await app.appendEvents(bob.tenant.id, removed(bob.user.id));
    const signedIn = await app.post('/v1/sessions', { email: bob.sent.email, password: PASSWORD });
    expect((await app.get('/v1/me', signedIn.json().accessToken)).statusCode).toBe(200);
  });

  it('cannot sign up again with the same address, with the right or a wrong password', async () => {
    for (const password of [PASSWORD, 'not the password'])
      expect((await app.post('/v1/signup', { ...ada.sent, password })).statusCode).toBe(409);
  });
});
