import { uuidv7 } from '#platform/ids/uuid';
import { CLOSED, joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD } from '#test/support/identity-app';

describe('POST /v1/sessions', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());

  it('answers with tokens and the tenants of the user', async () => {
    const { user, tenant, sent } = await identity.signUp();
    const answer = await identity.post('/v1/sessions', { email: sent.email.toLowerCase(), password: PASSWORD });
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({ user, tenant, companies: [tenant], expiresIn: 900 });
    expect((await identity.get('/v1/me', answer.json().accessToken)).statusCode).toBe(200);
  });

  it('answers a wrong password, an unknown address and a pending sign-up alike, after the same work', async () => {
    const { sent } = await identity.signUp();
    const pending = await identity.signUp();
    await identity.owner.query(`update identity.users set state = 'pending' where id = $1`, [pending.user.id]);
    const answers = [];
    for (const attempt of [
      { email: sent.email, password: 'wrong horse battery staple' },
      { email: 'nobody@acme.example', password: PASSWORD },
      { email: pending.sent.email, password: PASSWORD },
    ]) {
      identity.work.length = 0;
      const { statusCode, headers, ...answer } = await identity.post('/v1/sessions', attempt);
      const { requestId: _, ...document } = answer.json();
      answers.push({ statusCode, work: [...identity.work], challenge: headers['www-authenticate'], document });
    }
    expect(answers[0]).toMatchObject({ statusCode: 401, work: ['verify'], challenge: 'Bearer' });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('answers a foreign tenant like a tenant that does not exist', async () => {
    const { sent } = await identity.signUp();
    const { tenant: foreign } = await identity.signUp();
    const answers = [];
    for (const tenantId of [foreign.id, uuidv7()]) {
      const answer = await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD, tenantId });
      const { requestId: _, ...document } = answer.json();
      answers.push(document);
    }
    expect(answers[0]).toMatchObject({ status: 404, type: '/problems/not-found' });
    expect(answers[1]).toEqual(answers[0]);
  });

  it('opens a session in the requested tenant, or else in the tenant of the last session', async () => {
    const { user, tenant, sent } = await identity.signUp();
    const { tenant: second } = await identity.signUp();
    await identity.appendEvents(second.id, joined(user.id, 'auditor'));
    const signIn = async (tenantId?: string) =>
      (
        await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD, ...(tenantId && { tenantId }) })
      ).json();
    expect((await signIn()).tenant.id).toBe(tenant.id);
    const chosen = await signIn(second.id);
    expect(chosen.tenant).toEqual({ ...second, role: 'auditor' });
    expect(chosen.companies).toEqual([tenant, { ...second, role: 'auditor' }]);
    expect((await signIn()).tenant.id).toBe(second.id);
  });

  it('opens a session without a tenant for a user who is no longer a member of any', async () => {
    const { user, tenant, sent } = await identity.signUp();
    await identity.appendEvents(tenant.id, removed(user.id));
    const answer = await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD });
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({ user: { id: user.id }, companies: [] });
    expect(answer.json().tenant).toBeUndefined();
  });

  it('does not list closed tenants, and answers 404 if a closed tenant is requested', async () => {
    const { user, tenant, sent } = await identity.signUp();
    const { tenant: second } = await identity.signUp();
    await identity.appendEvents(second.id, joined(user.id, 'member'));
    const { email } = sent;
    await identity.post('/v1/sessions', { email, password: PASSWORD, tenantId: second.id });
    await identity.appendEvents(second.id, CLOSED);
    const answer = await identity.post('/v1/sessions', { email, password: PASSWORD });
    expect(answer.json()).toMatchObject({ tenant, companies: [tenant] });
    expect((await identity.get('/v1/me', answer.json().accessToken)).json().companies).toEqual([tenant]);
    const requested = await identity.post('/v1/sessions', { email, password: PASSWORD, tenantId: second.id });
    expect(requested.json()).toMatchObject({ status: 404, type: '/problems/not-found' });
    await identity.appendEvents(tenant.id, CLOSED);
    const none = await identity.post('/v1/sessions', { email, password: PASSWORD });
    expect(none.json()).toMatchObject({ companies: [] });
    expect(none.json().tenant).toBeUndefined();
  });

  it('opens one session for all repeats of a request with one idempotency key', async () => {
    const { user, sent } = await identity.signUp();
    const signIn = (key: string) =>
      identity.post('/v1/sessions', { email: sent.email, password: PASSWORD }, { 'idempotency-key': key });
    const first = await signIn('a');
    // As after a crash between the opening of the session and the answer.
    await identity.owner.query(
      `update idempotency.keys set status = null, leased_until = '-infinity' where user_id = $1`,
      [user.id],
    );
    const again = await signIn('a');
    expect(again.statusCode).toBe(201);
    const { rows } = await identity.owner.query(
      'select count(*)::integer as sessions from identity.sessions where user_id = $1',
      [user.id],
    );
    expect(rows).toEqual([{ sessions: 2 }]);
    const refresh = async ({ refreshToken }: { refreshToken: string }) =>
      (await identity.post('/v1/sessions/refresh', { refreshToken })).statusCode;
    expect(await refresh(first.json())).toBe(401);
    expect(await refresh(again.json())).toBe(201);
  });

  it('stores the address and the user agent of the client, and its network as a hash', async () => {
    const { user, sent } = await identity.signUp();
    await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD }, { 'user-agent': 'Browser/1.0' });
    const { rows } = await identity.owner.query(
      `select r.user_agent, r.address, s.network from identity.sessions s join access.records r on r.id = s.access_id
       where s.user_id = $1 order by s.created_at desc limit 1`,
      [user.id],
    );
    expect(rows).toEqual([{ user_agent: 'Browser/1.0', address: '127.0.0.1', network: expect.any(Buffer) }]);
    expect(rows[0].network).toHaveLength(16);
    expect(rows[0].network.toString()).not.toContain('127.0.0.1');
  });
});
