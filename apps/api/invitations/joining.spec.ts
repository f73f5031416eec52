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

  const invite = async (more: object = {}): Promise<Invitation> => {
    const payload = { role: 'member', maxUses: 1, ...more };
    const answer = await app.request('POST', '/v1/invitations', { token: tenant.accessToken, payload });
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
  const listed = async (id: string) =>
    (await app.get('/v1/invitations?limit=100', tenant.accessToken)).json().data.find((it: Invitation) => it.id === id);
  const withoutRequest = (body: string): object => {
    const { requestId: _, instance: __, ...rest } = JSON.parse(body);
    return rest;
  };

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
});
