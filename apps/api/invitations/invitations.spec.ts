import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

interface Invitation {
  readonly id: string;
  readonly url: string;
  readonly token: string;
}

describe('invitations', () => {
  let app: IdentityApp;
  let tenant: SignedUp;
  let users = 0;

  beforeAll(async () => {
    app = await createIdentityApp();
    tenant = await app.signUp({ companyName: 'Acme' });
  });
  afterAll(() => app.close());

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
  const accept = (token: string, who: object = newUser()) => app.post('/v1/invitations/accept', { token, ...who });
  const preview = (token: string) => app.app.inject({ url: `/v1/invitations/preview/${token}` });
  const listed = async (id: string) =>
    (await app.get('/v1/invitations?limit=100', tenant.accessToken)).json().data.find((it: Invitation) => it.id === id);

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

  it('of another tenant are not found', async () => {
    const { id } = await invite();
    const stranger = await app.signUp();
    const foreign = await app.request('DELETE', `/v1/invitations/${id}`, { token: stranger.accessToken });
    expect(foreign.statusCode).toBe(404);
    expect(await listed(id)).toMatchObject({ state: 'open' });
  });
});
