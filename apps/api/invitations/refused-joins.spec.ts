import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

interface Invitation {
  readonly id: string;
  readonly url: string;
  readonly token: string;
}

describe('invitations', () => {
  let app: IdentityApp;
  /** A second process on the same database. */
  let other: IdentityApp;
  let tenant: SignedUp;
  let users = 0;

  beforeAll(async () => {
    app = await createIdentityApp();
    other = await createIdentityApp(app);
    tenant = await app.signUp({ companyName: 'Acme' });
  });
  afterAll(async () => {
    await other.close();
    await app.close();
  });

  const invite = async (more: object = {}, token = tenant.accessToken): Promise<Invitation> => {
    const payload = { role: 'member', maxUses: 1, ...more };
    const answer = await app.request('POST', '/v1/invitations', { token, payload });
    expect(answer.statusCode).toBe(201);
    const { id, url } = answer.json();
    return { id, url, token: String(url).split('/').at(-1) ?? '' };
  };
  const newUser = (more: object = {}) => ({
    ...{ personName: 'Grace Hopper', email: `grace${++users}@acme.example`, password: PASSWORD },
    ...more,
  });
  const accept = (token: string, who: object = newUser(), at = app) =>
    at.post('/v1/invitations/accept', { token, ...who });
  const preview = (token: string) => app.app.inject({ url: `/v1/invitations/preview/${token}` });
  const listed = async (id: string) =>
    (await app.get('/v1/invitations?limit=100', tenant.accessToken)).json().data.find((it: Invitation) => it.id === id);
  const withoutRequest = (body: string): object => {
    const { requestId: _, instance: __, ...rest } = JSON.parse(body);
    return rest;
  };

  it('refuse a request without address and password, and an invalid access token', async () => {
    const { token } = await invite();
    const bare = await accept(token, {});
    expect(bare.statusCode).toBe(400);
    expect(bare.json().errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['/email', '/password']);
    expect(
      (await app.request('POST', '/v1/invitations/accept', { token: 'a.b.c', payload: { token } })).statusCode,
    ).toBe(401);
  });

  it('answer alike for links that are unknown, revoked, used up or expired, or whose tenant is closed', async () => {
    const revoked = await invite();
    await app.request('DELETE', `/v1/invitations/${revoked.id}`, { token: tenant.accessToken });
    const spent = await invite();
    await accept(spent.token);
    const expired = await invite();
    await app.owner.query(`update read_model.invitations set expires_at = now() where invitation_id = $1`, [
      expired.id,
    ]);
    const closing = await app.signUp({ companyName: 'Closing' });
    const closed = await invite({}, closing.accessToken);
    await app.request('DELETE', '/v1/tenant', { token: closing.accessToken, payload: { confirmName: 'Closing' } });
    const unknown = Buffer.alloc(32, 7).toString('base64url');
    const answers = await Promise.all(
      [unknown, 'x', revoked.token, spent.token, expired.token, closed.token].map(preview),
    );
    const [first] = answers.map(({ body }) => withoutRequest(body));
    for (const { statusCode, body } of answers) {
      expect(statusCode).toBe(404);
      expect(withoutRequest(body)).toEqual(first);
    }
    for (const token of [unknown, revoked.token, spent.token, closed.token]) {
      const refused = await accept(token);
      expect(refused.statusCode).toBe(404);
      expect(withoutRequest(refused.body)).toEqual(first);
    }
  });

  it('are refused if a request names two users: one by its access token and one in its body', async () => {
    const { token } = await invite({ maxUses: 3 });
    const [eve, bob] = [await app.signUp(), await app.signUp()];
    const acceptAsEve = (more: object) =>
      app.request('POST', '/v1/invitations/accept', { token: eve.accessToken, payload: { token, ...more } });
    const { email, password } = bob.sent;
    for (const [more, pointers] of [
      [{ email, password }, ['/email', '/password']],
      [{ personName: 'Bob', email, password }, ['/personName', '/email', '/password']],
      [{ personName: 'Bob' }, ['/personName']],
    ] as const) {
      const refused = await acceptAsEve(more);
      expect(refused.statusCode).toBe(400);
      expect(refused.json().errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
    }
    expect((await acceptAsEve({})).statusCode).toBe(201);
  });

  it('leave a record for the audit when a user could not join, without the user', async () => {
    const other = await app.signUp();
    const wanted = await app.request('POST', '/v1/invitations', {
      ...{ token: other.accessToken, payload: { role: 'member', maxUses: 1, emailDomains: ['acme.example'] } },
    });
    const token = String(wanted.json().url).split('/').at(-1) ?? '';
    expect((await accept(token, newUser({ email: `stranger${++users}@other.example` }))).statusCode).toBe(403);
    expect((await accept(token)).statusCode).toBe(201);
    expect((await accept(token)).statusCode).toBe(404);
    await app.settled();
    const { events } = await app.log.readAll({ after: 0n, limit: 10_000, tenantId: other.tenant.id });
    const refused = events.filter(({ type }) => type === 'OperationRefused');
    expect(refused.map(({ actor, data: { problem, by } }) => [actor, problem, by])).toEqual([
      [{ kind: 'system' }, 'forbidden', null],
      [{ kind: 'system' }, 'not-found', null],
    ]);
  });

  it('do not admit a removed user again, neither by links that the user created nor by earlier ones', async () => {
    const { token } = await invite({ role: 'admin', maxUses: 3 });
    const eve = await app.signUp();
    const joinAsEve = (link: string, at = app) =>
      at.request('POST', '/v1/invitations/accept', { token: eve.accessToken, payload: { token: link } });
    const admitted = await joinAsEve(token);
    expect(admitted.statusCode).toBe(201);
    const own = await invite({ maxUses: 3 }, admitted.json().accessToken);
    const removal = await app.request('DELETE', `/v1/members/${eve.user.id}`, { token: tenant.accessToken });
    expect(removal.statusCode).toBe(204);
    const unknown = await joinAsEve('x');
    for (const link of [token, own.token])
      for (const at of [app, other]) {
        const refused = await joinAsEve(link, at);
        expect([refused.statusCode, withoutRequest(refused.body)]).toEqual([404, withoutRequest(unknown.body)]);
      }
    const { email } = eve.sent;
    expect((await accept(token, { email, password: PASSWORD })).statusCode).toBe(404);
    expect(await listed(own.id)).toMatchObject({ state: 'revoked', usesLeft: 0 });
    expect((await accept(token)).statusCode).toBe(201);
    expect((await joinAsEve((await invite()).token)).statusCode).toBe(201);
  });

  it('admit only addresses of their e-mail domains, without subdomains', async () => {
    const { id, token } = await invite({ emailDomains: ['Acme.example'] });
    for (const email of ['eve@evil.example', 'eve@sub.acme.example', 'acme.example@evil.example']) {
      expect((await accept(token, newUser({ email }))).statusCode).toBe(403);
      // After the refusal, the address is free again.
      expect((await app.signUp({ email })).user.id).toBeTruthy();
    }
    expect((await accept(token, newUser({ email: `Eve@ACME.example` }))).statusCode).toBe(201);
    expect(await listed(id)).toMatchObject({ uses: 1, emailDomains: ['acme.example'] });
  });

  it('admit nobody after the answer to a revocation, while many requests are running', async () => {
    const { id, token } = await invite({ maxUses: 1_000 });
    const before = Array.from({ length: 10 }, (_, at) => accept(token, newUser(), at % 2 === 0 ? app : other));
    const revoked = await app.request('DELETE', `/v1/invitations/${id}`, { token: tenant.accessToken });
    expect(revoked.statusCode).toBe(204);
    const after = await Promise.all(
      Array.from({ length: 6 }, (_, at) => accept(token, newUser(), at % 2 ? app : other)),
    );
    expect(after.map(({ statusCode }) => statusCode)).toEqual(Array(6).fill(404));
    const { uses, state } = await listed(id);
    const admitted = (await Promise.all(before)).filter(({ statusCode }) => statusCode === 201).length;
    expect(state).toBe('revoked');
    expect((await listed(id)).uses).toBe(admitted);
    expect(uses).toBeLessThanOrEqual(admitted);
  });
});
