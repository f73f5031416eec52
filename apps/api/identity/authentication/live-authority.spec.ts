import { until } from '#test/e2e/start/product';
import { CLOSED, joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

/** Two processes on one database: what happens in one holds in the other. */
describe('authority in two processes', () => {
  let here: IdentityApp;
  let there: IdentityApp;
  let ada: SignedUp;
  let bob: SignedUp;
  /** In ada's tenant. */
  let bobsToken: string;

  beforeAll(async () => {
    here = await createIdentityApp();
    there = await createIdentityApp(here);
  });
  afterAll(async () => {
    await there.close();
    await here.close();
  });

  beforeEach(async () => {
    [ada, bob] = [await here.signUp(), await here.signUp()];
    await here.happen(ada.tenant.id, joined(bob.user.id, 'admin'));
    bobsToken = (
      await there.post('/v1/sessions', { email: bob.sent.email, password: PASSWORD, tenantId: ada.tenant.id })
    ).json().accessToken;
  });

  const rename = (app: IdentityApp, token = bobsToken) =>
    app.ask('PATCH', '/v1/tenant', { payload: { name: 'Renamed' }, token });
  const read = async (app: IdentityApp, token = bobsToken) => (await app.get('/v1/tenant', token)).statusCode;
  const soon = (condition: () => Promise<boolean>) => until(condition, 10_000);

  it('ends for a removed member in both, whatever their token says', async () => {
    for (const app of [here, there]) expect(await read(app)).toBe(200);
    await here.happen(ada.tenant.id, removed(bob.user.id));
    for (const app of [here, there]) {
      await soon(async () => (await read(app)) === 401);
      expect((await app.get('/v1/tenant', bobsToken)).json()).toMatchObject({ type: '/problems/unauthenticated' });
    }
  });

  it('ends by the route of one for the member’s next requests to the other', async () => {
    for (const app of [here, there]) expect(await read(app)).toBe(200);
    const removal = await here.ask('DELETE', `/v1/members/${bob.user.id}`, { token: ada.accessToken });
    expect(removal.statusCode).toBe(204);
    for (const app of [here, there]) await soon(async () => (await read(app)) === 401);
    const { sent } = bob;
    const again = { email: sent.email, password: PASSWORD, tenantId: ada.tenant.id };
    expect((await there.post('/v1/sessions', again)).statusCode).toBe(404);
  });

  it('leaves a removed member what is their own', async () => {
    await here.happen(ada.tenant.id, removed(bob.user.id));
    const me = await there.get('/v1/me', bobsToken);
    expect(me.statusCode).toBe(200);
    expect(me.json().tenant).toBeUndefined();
  });

  it('shrinks with a demotion in both, and says which role it takes', async () => {
    for (const app of [here, there]) expect((await rename(app)).statusCode).toBe(200);
    await here.happen(ada.tenant.id, {
      type: 'MemberRoleChanged',
      data: { userId: bob.user.id, role: 'member' },
    });
    for (const app of [here, there]) {
      await soon(async () => (await rename(app)).statusCode === 403);
      expect((await rename(app)).json()).toMatchObject({
        type: '/problems/forbidden',
        detail: 'This action needs the role owner or admin.',
      });
      expect(await read(app)).toBe(200);
    }
  });

  it('grows by the next request: nobody is turned away for what was so before', async () => {
    const change = (role: 'admin' | 'member') =>
      here.happen(ada.tenant.id, { type: 'MemberRoleChanged', data: { userId: bob.user.id, role } });
    await change('member');
    await soon(async () => (await rename(there)).statusCode === 403);
    await change('admin');
    expect((await rename(there)).statusCode).toBe(200);
  });

  it('ends for everybody when the tenant is closed', async () => {
    for (const app of [here, there]) expect(await read(app, ada.accessToken)).toBe(200);
    await here.happen(ada.tenant.id, CLOSED);
    for (const token of [bobsToken, ada.accessToken])
      for (const app of [here, there]) await soon(async () => (await read(app, token)) === 401);
  });

  it('ends with the session, in both', async () => {
    for (const app of [here, there]) expect(await read(app)).toBe(200);
    expect((await here.ask('DELETE', '/v1/sessions/current', { token: bobsToken })).statusCode).toBe(204);
    expect(await read(here)).toBe(401);
    await soon(async () => (await read(there)) === 401);
  });

  it('ends with every other session when the password is changed, in both', async () => {
    for (const app of [here, there]) expect(await read(app)).toBe(200);
    const payload = { currentPassword: PASSWORD, newPassword: 'a new horse and a new staple' };
    expect((await here.ask('POST', '/v1/me/password', { payload, token: bob.accessToken })).statusCode).toBe(204);
    expect(await read(here)).toBe(401);
    await soon(async () => (await read(there)) === 401);
    expect((await there.get('/v1/me', bob.accessToken)).statusCode).toBe(200);
  });

  it('is asked of the log once for many requests', async () => {
    expect(await read(there)).toBe(200);
    const reads = jest.spyOn(there.log, 'readStream');
    for (let n = 0; n < 5; n++) expect(await read(there)).toBe(200);
    expect(reads.mock.calls.length).toBeLessThanOrEqual(2);
    reads.mockRestore();
  });
});
