import { until } from '#test/e2e/start/product';
import { CLOSED, joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

/** Two processes on one database: a change in one takes effect in the other. */
describe('a membership in two processes', () => {
  let first: IdentityApp;
  let second: IdentityApp;
  let ada: SignedUp;
  let bob: SignedUp;
  /** Bob's token for Ada's tenant. */
  let bobsToken: string;

  beforeAll(async () => {
    first = await createIdentityApp();
    second = await createIdentityApp(first);
  });
  afterAll(async () => {
    await second.close();
    await first.close();
  });

  beforeEach(async () => {
    [ada, bob] = [await first.signUp(), await first.signUp()];
    await first.appendEvents(ada.tenant.id, joined(bob.user.id, 'admin'));
    bobsToken = (
      await second.post('/v1/sessions', { email: bob.sent.email, password: PASSWORD, tenantId: ada.tenant.id })
    ).json().accessToken;
  });

  const rename = (app: IdentityApp, token = bobsToken) =>
    app.request('PATCH', '/v1/tenant', { payload: { name: 'Renamed' }, token });
  const read = async (app: IdentityApp, token = bobsToken) => (await app.get('/v1/tenant', token)).statusCode;
  const soon = (condition: () => Promise<boolean>) => until(condition, 10_000);

  it('ends in both when the member is removed, although the token is still valid', async () => {
    for (const app of [first, second]) expect(await read(app)).toBe(200);
    await first.appendEvents(ada.tenant.id, removed(bob.user.id));
    for (const app of [first, second]) {
      await soon(async () => (await read(app)) === 401);
      expect((await app.get('/v1/tenant', bobsToken)).json()).toMatchObject({ type: '/problems/unauthenticated' });
    }
  });

  it('ends in both when the route of one process removes the member', async () => {
    for (const app of [first, second]) expect(await read(app)).toBe(200);
    const removal = await first.request('DELETE', `/v1/members/${bob.user.id}`, { token: ada.accessToken });
    expect(removal.statusCode).toBe(204);
    for (const app of [first, second]) await soon(async () => (await read(app)) === 401);
    const { sent } = bob;
    const again = { email: sent.email, password: PASSWORD, tenantId: ada.tenant.id };
    expect((await second.post('/v1/sessions', again)).statusCode).toBe(404);
  });

  it('does not matter for the routes about the user', async () => {
    await first.appendEvents(ada.tenant.id, removed(bob.user.id));
    const me = await second.get('/v1/me', bobsToken);
    expect(me.statusCode).toBe(200);
    expect(me.json().tenant).toBeUndefined();
  });

  it('loses permissions in both when the role is lowered, and the refusal names the roles that have them', async () => {
    for (const app of [first, second]) expect((await rename(app)).statusCode).toBe(200);
    await first.appendEvents(ada.tenant.id, {
      type: 'MemberRoleChanged',
      data: { userId: bob.user.id, role: 'member' },
    });
    for (const app of [first, second]) {
      await soon(async () => (await rename(app)).statusCode === 403);
      expect((await rename(app)).json()).toMatchObject({
        type: '/problems/forbidden',
        detail: 'This action needs the role owner or admin.',
      });
      expect(await read(app)).toBe(200);
    }
  });

  it('gains permissions with the next request when the role is raised', async () => {
    const change = (role: 'admin' | 'member') =>
      first.appendEvents(ada.tenant.id, { type: 'MemberRoleChanged', data: { userId: bob.user.id, role } });
    await change('member');
    await soon(async () => (await rename(second)).statusCode === 403);
    await change('admin');
    expect((await rename(second)).statusCode).toBe(200);
  });

  it('ends for all members when the tenant is closed', async () => {
    for (const app of [first, second]) expect(await read(app, ada.accessToken)).toBe(200);
    await first.appendEvents(ada.tenant.id, CLOSED);
    for (const token of [bobsToken, ada.accessToken])
      for (const app of [first, second]) await soon(async () => (await read(app, token)) === 401);
  });

  it('cannot be used in both after the session has ended', async () => {
    for (const app of [first, second]) expect(await read(app)).toBe(200);
    expect((await first.request('DELETE', '/v1/sessions/current', { token: bobsToken })).statusCode).toBe(204);
    expect(await read(first)).toBe(401);
    await soon(async () => (await read(second)) === 401);
  });

  it('cannot be used in both by other sessions after the password was changed', async () => {
    for (const app of [first, second]) expect(await read(app)).toBe(200);
    const payload = { currentPassword: PASSWORD, newPassword: 'a new horse and a new staple' };
    expect((await first.request('POST', '/v1/me/password', { payload, token: bob.accessToken })).statusCode).toBe(204);
    expect(await read(first)).toBe(401);
    await soon(async () => (await read(second)) === 401);
    expect((await second.get('/v1/me', bob.accessToken)).statusCode).toBe(200);
  });

  it('is read from the log once for many requests', async () => {
    expect(await read(second)).toBe(200);
    const reads = jest.spyOn(second.log, 'readStream');
    for (let n = 0; n < 5; n++) expect(await read(second)).toBe(200);
    expect(reads.mock.calls.length).toBeLessThanOrEqual(2);
    reads.mockRestore();
  });
});
