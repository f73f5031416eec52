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
  const accept = (token: string, who: object = newUser(), at = app, headers: Record<string, string> = {}) =>
    at.post('/v1/invitations/accept', { token, ...who }, headers);
  const preview = (token: string) => app.app.inject({ url: `/v1/invitations/preview/${token}` });
  const listed = async (id: string) =>
    (await app.get('/v1/invitations?limit=100', tenant.accessToken)).json().data.find((it: Invitation) => it.id === id);
  const withoutRequest = (body: string): object => {
    const { requestId: _, instance: __, ...rest } = JSON.parse(body);
    return rest;
  };

  it('have a link that is shown once, with a token of 256 bits that is not stored', async () => {
    const { id, url, token } = await invite({ maxUses: 3 });
    expect(url).toBe(`https://api.example.com/join/${token}`);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const row = await listed(id);
    expect(row).toMatchObject({ id, role: 'member', maxUses: 3, uses: 0, usesLeft: 3, state: 'open' });
    expect(JSON.stringify(row)).not.toContain(token);
    const { rows } = await app.owner.query(
      `select count(*)::integer as n from read_model.invitation_tokens where token_hash = $1`,
      [token],
    );
    expect(rows).toEqual([{ n: 0 }]);
  });

  it('have the same link in the answer to a repeat of the request', async () => {
    const headers = { 'idempotency-key': 'the-same-link' };
    const request = { token: tenant.accessToken, payload: { role: 'member', maxUses: 1 }, headers };
    const first = await app.request('POST', '/v1/invitations', request);
    const again = await app.request('POST', '/v1/invitations', request);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.json()).toEqual(first.json());
  });

  it('admit a new user in one step, with the role of the invitation', async () => {
    const { id, token } = await invite({ role: 'auditor' });
    const who = newUser();
    const answer = await accept(token, who);
    expect(answer.statusCode).toBe(201);
    const { user, tenant: joined, accessToken } = answer.json();
    expect(user).toMatchObject({ name: who.personName, email: who.email });
    expect(joined).toMatchObject({ id: tenant.tenant.id, name: 'Acme', role: 'auditor' });
    expect((await app.get('/v1/me', accessToken)).json().tenant.id).toBe(tenant.tenant.id);
    expect(await listed(id)).toMatchObject({ uses: 1, usesLeft: 0, state: 'spent' });
    expect((await app.post('/v1/sessions', { email: who.email, password: PASSWORD })).statusCode).toBe(201);
  });

  it('admit a signed-in user by the token alone, and count no use for a user who is already a member', async () => {
    const { id, token } = await invite({ maxUses: 2 });
    const { accessToken, user } = await app.signUp();
    for (let time = 0; time < 2; time++) {
      const answer = await app.request('POST', '/v1/invitations/accept', { token: accessToken, payload: { token } });
      expect(answer.statusCode).toBe(201);
      expect(answer.json()).toMatchObject({ user: { id: user.id }, tenant: { id: tenant.tenant.id, role: 'member' } });
    }
    expect(await listed(id)).toMatchObject({ uses: 1, usesLeft: 1 });
  });

  it('admit a new user once for concurrent repeats, and never refuse the right password', async () => {
    const { id, token } = await invite({ maxUses: 2 });
    const who = newUser();
    const answers = await Promise.all(Array.from({ length: 12 }, () => accept(token, who)));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 12 }, () => 201));
    expect(new Set(answers.map((answer) => answer.json().user.id)).size).toBe(1);
    expect(await listed(id)).toMatchObject({ uses: 1, usesLeft: 1 });
    expect((await app.post('/v1/sessions', { email: who.email, password: PASSWORD })).statusCode).toBe(201);
  });

  it('admit a new user once for concurrent requests to two processes, also at the last use', async () => {
    for (let round = 0; round < 6; round++) {
      const who = newUser();
      const { id, token } = await invite({ maxUses: 1 });
      const answers = await Promise.all([app, other].map((at) => accept(token, who, at)));
      expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 201]);
      const [first, second] = answers.map((answer) => answer.json().user.id);
      expect(second).toBe(first);
      expect(await listed(id)).toMatchObject({ uses: 1, state: 'spent' });
    }
  });

  it('refuse a concurrent request to another process with another password', async () => {
    for (let round = 0; round < 3; round++) {
      const who = newUser();
      const { token } = await invite({ maxUses: 2 });
      const answers = await Promise.all([
        accept(token, who),
        accept(token, { ...who, password: `${PASSWORD}?` }, other),
      ]);
      expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([201, 401]);
    }
  });

  it('admit the owner of an account by its address and password', async () => {
    const { token } = await invite();
    const { sent, user } = await app.signUp();
    const { email, password } = sent;
    const answer = await accept(token, { email, password });
    expect(answer.statusCode).toBe(201);
    expect(answer.json().user.id).toBe(user.id);
  });

  it('answer a wrong password and an unknown address alike if no name is sent', async () => {
    const { id, token } = await invite();
    const { sent } = await app.signUp();
    const wrong = await accept(token, { email: sent.email, password: 'not the password' });
    const unknown = await accept(token, { email: 'nobody@acme.example', password: 'not the password' });
    expect([wrong.statusCode, unknown.statusCode]).toEqual([401, 401]);
    expect(withoutRequest(wrong.body)).toEqual(withoutRequest(unknown.body));
    const named = await accept(token, {
      ...sent,
      personName: 'Mallory',
      companyName: undefined,
      password: 'not the password',
    });
    expect(named.statusCode).toBe(401);
    expect(await listed(id)).toMatchObject({ uses: 0 });
  });

  it('do not reveal, where the link cannot be used, whether an address has an account', async () => {
    const { sent } = await app.signUp({ email: `taken${++users}@evil.example` });
    const spent = await invite();
    await accept(spent.token);
    const revoked = await invite();
    await app.request('DELETE', `/v1/invitations/${revoked.id}`, { token: tenant.accessToken });
    const otherDomain = await invite({ emailDomains: ['acme.example'] });
    for (const [{ token }, status] of [
      [spent, 404],
      [revoked, 404],
      [otherDomain, 403],
    ] as const) {
      const password = 'not the password';
      const taken = await accept(token, newUser({ email: sent.email, password }));
      const free = await accept(token, newUser({ email: `free${++users}@evil.example`, password }));
      expect([taken.statusCode, free.statusCode]).toEqual([status, status]);
      expect(withoutRequest(taken.body)).toEqual(withoutRequest(free.body));
    }
  });

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

  it('show tenant, role, expiry and e-mail domains in their preview, and nothing else', async () => {
    const { token } = await invite({ role: 'admin', expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
    const answer = await preview(token);
    expect(answer.statusCode).toBe(200);
    expect(Object.keys(answer.json()).sort()).toEqual(['companyName', 'emailDomains', 'expiresAt', 'role', 'usable']);
    expect(answer.json()).toMatchObject({ companyName: 'Acme', role: 'admin', usable: true });
  });

  it('compare e-mail domains in any spelling', async () => {
    const { token } = await invite({ maxUses: 2, emailDomains: ['Müller.example'] });
    for (const domain of ['xn--mller-kva.example', 'müller.example'])
      expect((await accept(token, newUser({ email: `eva${++users}@${domain}` }))).statusCode).toBe(201);
    const ascii = await invite({ emailDomains: ['xn--mller-kva.example'] });
    expect((await accept(ascii.token, newUser({ email: `eva${++users}@müller.example` }))).statusCode).toBe(201);
    const payload = { role: 'member', maxUses: 1, emailDomains: ['acme.example/path'] };
    expect((await app.request('POST', '/v1/invitations', { token: tenant.accessToken, payload })).statusCode).toBe(400);
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

  it('cannot grant a role above that of the inviter, and never the role owner', async () => {
    const { token } = await invite({ role: 'admin' });
    const admin = (await accept(token)).json().accessToken;
    const inviteTo = (role: string, inviterToken: string) =>
      app.request('POST', '/v1/invitations', { token: inviterToken, payload: { role, maxUses: 1 } });
    expect((await inviteTo('admin', admin)).statusCode).toBe(403);
    expect((await inviteTo('member', admin)).statusCode).toBe(201);
    expect((await inviteTo('owner', tenant.accessToken)).statusCode).toBe(400);
    const member = (await accept((await invite()).token)).json().accessToken;
    expect((await inviteTo('member', member)).statusCode).toBe(403);
    expect((await app.get('/v1/invitations', member)).statusCode).toBe(403);
  });

  it.each([
    [{ role: 'member', maxUses: 0 }, '/maxUses'],
    [{ role: 'member', maxUses: 10_001 }, '/maxUses'],
    [{ role: 'member', maxUses: 1, expiresAt: '2020-01-01T00:00:00Z' }, '/expiresAt'],
    [{ role: 'member', maxUses: 1, expiresAt: '2999-01-01T00:00:00Z' }, '/expiresAt'],
    [{ role: 'member', maxUses: 1, emailDomains: ['not a domain'] }, '/emailDomains'],
    [{ role: 'member', maxUses: 1, tenantId: 'mine' }, '/tenantId'],
  ])('refuse %j with an error at %s', async (payload, pointer) => {
    const answer = await app.request('POST', '/v1/invitations', { token: tenant.accessToken, payload });
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors[0].pointer).toBe(pointer);
  });

  it('admit exactly maxUses users of many concurrent requests to two processes', async () => {
    const { id, token } = await invite({ maxUses: 7 });
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, at) => accept(token, newUser(), at % 2 === 0 ? app : other)),
    );
    const codes = answers.map(({ statusCode }) => statusCode).sort();
    expect(codes.filter((code) => code === 201)).toHaveLength(7);
    expect(codes.filter((code) => code === 404)).toHaveLength(23);
    expect(await listed(id)).toMatchObject({ uses: 7, state: 'spent' });
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

  it('create one user for all repeats of a request with one idempotency key', async () => {
    const { id, token } = await invite({ maxUses: 5 });
    const who = newUser();
    const headers = { 'idempotency-key': 'join-once' };
    const answers = await Promise.all([accept(token, who, app, headers), accept(token, who, other, headers)]);
    const again = await accept(token, who, other, headers);
    expect(again.statusCode).toBe(201);
    expect(answers.map(({ statusCode }) => statusCode).filter((code) => code !== 201 && code !== 409)).toEqual([]);
    expect(await listed(id)).toMatchObject({ uses: 1 });
  });

  it('of another tenant are not found', async () => {
    const { id } = await invite();
    const stranger = await app.signUp();
    const foreign = await app.request('DELETE', `/v1/invitations/${id}`, { token: stranger.accessToken });
    expect(foreign.statusCode).toBe(404);
    expect(await listed(id)).toMatchObject({ state: 'open' });
  });
});
