import { uuidv7 } from '#platform/ids/uuid';
import { joined } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

describe('the stored answer to a request with an Idempotency-Key', () => {
  let app: IdentityApp;
  beforeAll(async () => {
    app = await createIdentityApp();
  });
  afterAll(() => app.close());

  const withKey = (key: string) => ({ 'idempotency-key': key });
  const signIn = ({ sent }: SignedUp, key: string) =>
    app.post('/v1/sessions', { email: sent.email, password: PASSWORD }, withKey(key));
  const refresh = (refreshToken: string) => app.post('/v1/sessions/refresh', { refreshToken });

  it('is replayed while the client may not have received it', async () => {
    const [ada, key] = [await app.signUp(), uuidv7()];
    const [first, second] = [await signIn(ada, key), await signIn(ada, key)];
    expect([second.statusCode, second.body, second.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    expect((await refresh(second.json().refreshToken)).statusCode).toBe(201);
  });

  it('is not replayed after its refresh token was used, and the session goes on', async () => {
    const [ada, key] = [await app.signUp(), uuidv7()];
    const first: SignedUp = (await signIn(ada, key)).json();
    const next: SignedUp = (await refresh(first.refreshToken)).json();
    const again = await signIn(ada, key);
    expect([again.statusCode, again.json().detail]).toEqual([401, 'Sign in again.']);
    expect((await refresh(next.refreshToken)).statusCode).toBe(201);
    expect((await signIn(ada, uuidv7())).statusCode).toBe(201);
  });

  it('is not replayed after its session has ended', async () => {
    const [ada, key] = [await app.signUp(), uuidv7()];
    const { accessToken: token }: SignedUp = (await signIn(ada, key)).json();
    expect((await app.request('DELETE', '/v1/sessions/current', { token })).statusCode).toBe(204);
    expect((await signIn(ada, key)).statusCode).toBe(401);
  });

  it('creates no second tenant when it is not replayed', async () => {
    const { accessToken: token } = await app.signUp();
    const create = { token, payload: { companyName: 'Second Ltd' }, headers: withKey(uuidv7()) };
    const created: SignedUp = (await app.request('POST', '/v1/tenants', create)).json();
    await refresh(created.refreshToken);
    expect((await app.request('POST', '/v1/tenants', create)).statusCode).toBe(401);
    await app.settled();
    const { companies } = (await app.get('/v1/me', token)).json();
    expect(companies.filter(({ name }: { name: string }) => name === 'Second Ltd')).toHaveLength(1);
  });

  it('is not kept for a wrong password, so that the right one of the same request counts later', async () => {
    const [ada, key] = [await app.signUp(), uuidv7()];
    await app.owner.query(`update identity.users set password_hash = 'hash of another' where id = $1`, [ada.user.id]);
    expect((await signIn(ada, key)).statusCode).toBe(401);
    await app.owner.query(`update identity.users set password_hash = $2 where id = $1`, [
      ada.user.id,
      `hash of ${PASSWORD}`,
    ]);
    expect((await signIn(ada, key)).statusCode).toBe(201);
  });

  it('does not show a user who was erased since to another member, and the command does not run twice', async () => {
    const [owner, guest] = [await app.signUp(), await app.signUp()];
    await app.appendEvents(owner.tenant.id, joined(guest.user.id, 'member'));
    const change = { token: owner.accessToken, payload: { role: 'auditor' }, headers: withKey(uuidv7()) };
    const path = `/v1/members/${guest.user.id}`;
    const changed = await app.request('PATCH', path, change);
    expect([changed.statusCode, changed.body.includes(guest.sent.email)]).toEqual([200, true]);
    // The guest never had a session in that tenant, so the erasure must find the tenant by the membership.
    const { accessToken: token } = guest;
    await app.request('DELETE', '/v1/tenant', { token, payload: { confirmName: 'Acme' } });
    await app.settled();
    const erased = await app.request('DELETE', '/v1/me', { token, payload: { currentPassword: PASSWORD } });
    expect(erased.statusCode).toBe(204);
    await app.settled();
    const again = await app.request('PATCH', path, change);
    expect(again.body).not.toContain(guest.sent.email);
    expect(again.headers['idempotent-replayed']).toBeUndefined();
    const { events } = await app.log.readAll({ after: 0n, limit: 10_000, tenantId: owner.tenant.id });
    expect(events.filter(({ type }) => type === 'MemberRoleChanged')).toHaveLength(1);
  });

  it('belongs to one form: the form of another person with the same key is refused', async () => {
    const { accessToken: token } = await app.signUp();
    const payload = { role: 'member', maxUses: 5 };
    const link = (await app.request('POST', '/v1/invitations', { token, payload })).json().url.split('/').at(-1);
    const join = (name: string, key: string) =>
      app.app.inject({
        method: 'POST',
        url: `/join/${link}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...withKey(key) },
        payload: new URLSearchParams({
          ...{ personName: name, email: `${name}-${key}@acme.example`, password: PASSWORD },
        }).toString(),
      });
    const key = uuidv7();
    expect((await join('Grace', key)).statusCode).toBe(200);
    expect((await join('Heidi', key)).statusCode).toBe(422);
    const repeated = await join('Grace', key);
    expect([repeated.statusCode, repeated.headers['idempotent-replayed']]).toEqual([200, 'true']);
  });
});
