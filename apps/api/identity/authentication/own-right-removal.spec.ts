import { joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

const LOCK = {
  reason: 'payment-failed',
  since: '2026-01-01T00:00:00.000Z',
  suspendAt: '2026-01-15T00:00:00.000Z',
} as const;

/** Writes that remove the right that they need. */
describe('a user who removes their own right', () => {
  let app: IdentityApp;

  beforeAll(async () => {
    app = await createIdentityApp();
  });
  afterAll(() => app.close());

  const createTenant = async (): Promise<{ owner: SignedUp; second: string }> => {
    const owner = await app.signUp({ companyName: 'Acme' });
    const second = (await app.signUp()).user.id;
    await app.appendEvents(owner.tenant.id, joined(second, 'owner'));
    return { owner, second };
  };

  it.each([
    ['leaving', 'DELETE', (own: string) => `/v1/members/${own}`, () => undefined, 401],
    ['giving up the role owner', 'PATCH', (own: string) => `/v1/members/${own}`, () => ({ role: 'member' }), 403],
    ['transferring ownership', 'POST', () => '/v1/tenant/transfer', (second: string) => ({ userId: second }), 403],
    ['closing the tenant', 'DELETE', () => '/v1/tenant', () => ({ confirmName: 'Acme' }), 401],
  ] as const)(
    'gets the stored answer to a repeat of the request after %s, and every other request is refused',
    async (_, method, url, payload, refused) => {
      const { owner, second } = await createTenant();
      const body = payload(second);
      const send = (key: string) =>
        app.request(method, url(owner.user.id), {
          token: owner.accessToken,
          headers: { 'idempotency-key': key },
          ...(body && { payload: body }),
        });
      const first = await send('first key');
      expect(first.statusCode).toBeLessThan(300);
      const again = await send('first key');
      expect(again.statusCode).toBe(first.statusCode);
      expect(again.headers['idempotent-replayed']).toBe('true');
      expect(again.body).toBe(first.body);
      expect((await send('another key')).statusCode).toBe(refused);
      // A refusal is not stored: a user who gets the right back can use the key again.
      expect((await send('another key')).headers['idempotent-replayed']).toBeUndefined();
    },
  );
});

describe('a user from whom another user has removed a right', () => {
  let app: IdentityApp;

  beforeAll(async () => {
    app = await createIdentityApp();
  });
  afterAll(() => app.close());

  const signUpMember = async (): Promise<{ tenantId: string; userId: string; token: string }> => {
    const { tenant } = await app.signUp();
    const { user, sent } = await app.signUp();
    await app.appendEvents(tenant.id, joined(user.id, 'member'));
    const payload = { email: sent.email, password: sent.password, tenantId: tenant.id };
    const { accessToken } = (await app.post('/v1/sessions', payload)).json();
    return { tenantId: tenant.id, userId: user.id, token: accessToken };
  };
  const createProject = (token: string) =>
    app.request('POST', '/v1/projects', { token, headers: { 'idempotency-key': 'p' }, payload: { name: 'Website' } });

  it('gets no stored answer after the removal from the tenant', async () => {
    const { tenantId, userId, token } = await signUpMember();
    expect((await createProject(token)).statusCode).toBe(201);
    await app.appendEvents(tenantId, removed(userId));
    expect((await createProject(token)).json()).toMatchObject({ status: 401, type: '/problems/unauthenticated' });
  });

  it('gets no stored answer after the role was lowered', async () => {
    const { tenantId, userId, token } = await signUpMember();
    expect((await createProject(token)).statusCode).toBe(201);
    await app.appendEvents(tenantId, { type: 'MemberRoleChanged', data: { userId, role: 'auditor' } });
    expect((await createProject(token)).json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
  });

  it('gets the stored answer if only a lock refuses the request', async () => {
    const { tenantId, token } = await signUpMember();
    const first = await createProject(token);
    await app.appendEvents(tenantId, { type: 'WorkspaceLocked', data: LOCK });
    const again = await createProject(token);
    expect([again.statusCode, again.body]).toEqual([201, first.body]);
  });

  it('is counted against a rate limit of the user, not of the tenant, where the tenant does not admit the request', async () => {
    const { tenantId, userId, token } = await signUpMember();
    const policy = async (url: string) => String((await app.get(url, token)).headers['ratelimit-policy']);
    expect(await policy('/v1/projects')).toMatch(/^"tenant";/);
    expect(await policy('/v1/me')).toMatch(/^"user";/);
    expect(await policy('/v1/billing')).toMatch(/^"user";/);
    await app.appendEvents(tenantId, removed(userId));
    expect(await policy('/v1/projects')).toMatch(/^"user";/);
  });
});
