import { joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

const LOCK = {
  reason: 'payment-failed',
  since: '2026-01-01T00:00:00.000Z',
  suspendAt: '2026-01-15T00:00:00.000Z',
} as const;

/** Writes that take away the right by which they were made. */
describe('a user who takes away their own right', () => {
  let app: IdentityApp;

  beforeAll(async () => {
    app = await createIdentityApp();
  });
  afterAll(() => app.close());

  const found = async (): Promise<{ owner: SignedUp; second: string }> => {
    const owner = await app.signUp({ companyName: 'Acme' });
    const second = (await app.signUp()).user.id;
    await app.happen(owner.tenant.id, joined(second, 'owner'));
    return { owner, second };
  };

  it.each([
    ['by leaving', 'DELETE', (own: string) => `/v1/members/${own}`, () => undefined, 401],
    ['by stepping down', 'PATCH', (own: string) => `/v1/members/${own}`, () => ({ role: 'member' }), 403],
    ['by handing over', 'POST', () => '/v1/tenant/transfer', (second: string) => ({ userId: second }), 403],
    ['by closing the tenant', 'DELETE', () => '/v1/tenant', () => ({ confirmName: 'Acme' }), 401],
  ] as const)('%s gets its stored answer again, and no other answer', async (_, method, url, payload, refused) => {
    const { owner, second } = await found();
    const body = payload(second);
    const ask = (key: string) =>
      app.ask(method, url(owner.user.id), {
        token: owner.accessToken,
        headers: { 'idempotency-key': key },
        ...(body && { payload: body }),
      });
    const first = await ask('given up');
    expect(first.statusCode).toBeLessThan(300);
    const again = await ask('given up');
    expect(again.statusCode).toBe(first.statusCode);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.body).toBe(first.body);
    expect((await ask('another key')).statusCode).toBe(refused);
    // A refusal is not kept: anyone who gets the right back may use the key.
    expect((await ask('another key')).headers['idempotent-replayed']).toBeUndefined();
  });
});

describe('anyone who lost a right otherwise', () => {
  let app: IdentityApp;

  beforeAll(async () => {
    app = await createIdentityApp();
  });
  afterAll(() => app.close());

  const colleague = async (): Promise<{ tenantId: string; userId: string; token: string }> => {
    const { tenant } = await app.signUp();
    const { user, sent } = await app.signUp();
    await app.happen(tenant.id, joined(user.id, 'member'));
    const payload = { email: sent.email, password: sent.password, tenantId: tenant.id };
    const { accessToken } = (await app.post('/v1/sessions', payload)).json();
    return { tenantId: tenant.id, userId: user.id, token: accessToken };
  };
  const makeProject = (token: string) =>
    app.ask('POST', '/v1/projects', { token, headers: { 'idempotency-key': 'p' }, payload: { name: 'Website' } });

  it('is not told what a request came to before they were removed', async () => {
    const { tenantId, userId, token } = await colleague();
    expect((await makeProject(token)).statusCode).toBe(201);
    await app.happen(tenantId, removed(userId));
    expect((await makeProject(token)).json()).toMatchObject({ status: 401, type: '/problems/unauthenticated' });
  });

  it('nor before their role was changed', async () => {
    const { tenantId, userId, token } = await colleague();
    expect((await makeProject(token)).statusCode).toBe(201);
    await app.happen(tenantId, { type: 'MemberRoleChanged', data: { userId, role: 'auditor' } });
    expect((await makeProject(token)).json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
  });

  it('gets it if only a lock refuses them', async () => {
    const { tenantId, token } = await colleague();
    const first = await makeProject(token);
    await app.happen(tenantId, { type: 'WorkspaceLocked', data: LOCK });
    const again = await makeProject(token);
    expect([again.statusCode, again.body]).toEqual([201, first.body]);
  });

  it('counts by themselves, and takes nothing of what the tenant may ask', async () => {
    const { tenantId, userId, token } = await colleague();
    const policy = async (url: string) => String((await app.get(url, token)).headers['ratelimit-policy']);
    expect(await policy('/v1/projects')).toMatch(/^"tenant";/);
    expect(await policy('/v1/me')).toMatch(/^"user";/);
    expect(await policy('/v1/billing')).toMatch(/^"user";/);
    await app.happen(tenantId, removed(userId));
    expect(await policy('/v1/projects')).toMatch(/^"user";/);
  });
});
