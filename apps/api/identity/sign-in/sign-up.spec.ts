import { randomUUID } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { LogUnavailable, START } from '#event-log/port';
import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';

describe('POST /v1/signup', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());
  beforeEach(() => {
    identity.work.length = 0;
  });

  it.each([
    ['a name with a zero-width space', { personName: 'Ada\u200b Lovelace' }, '/personName'],
    ['a name with a change of direction', { personName: '\u202eAda' }, '/personName'],
    ['an invisible name', { companyName: '\u2060\u3164' }, '/companyName'],
    ['an address with a soft hyphen', { email: 'a\u00adda@acme.example' }, '/email'],
    ['an address with a line break in quotes', { email: '"a\r\nb"@acme.example' }, '/email'],
  ])('refuses %s', async (_, more, pointer) => {
    const answer = await identity.post('/v1/signup', identity.body(more));
    expect([answer.statusCode, answer.json().errors?.[0]?.pointer]).toEqual([400, pointer]);
  });

  it('is refused for an address that an account has with its domain in Unicode or in ASCII', async () => {
    const { sent } = await identity.signUp({ email: 'ada@m\u00fcller-signup.example' });
    const ascii = `Ada@${domainToASCII('m\u00fcller-signup.example')}`;
    expect((await identity.post('/v1/signup', identity.body({ email: ascii }))).statusCode).toBe(409);
    const signIn = await identity.post('/v1/sessions', { email: ascii, password: sent.password });
    expect(signIn.statusCode).toBe(201);
  });

  it('answers with the user, the tenant, the role owner, and tokens that the next request can use', async () => {
    const { user, tenant, accessToken, refreshToken, expiresIn, sent } = await identity.signUp();
    expect(user).toEqual({
      id: expect.any(String),
      name: 'Ada Lovelace',
      email: sent.email,
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    });
    expect(tenant).toEqual({ id: expect.any(String), name: 'Acme', slug: 'acme', role: 'owner' });
    expect(expiresIn).toBe(900);
    expect(refreshToken).toMatch(/^[\w-]{43}$/);
    const me = await identity.get('/v1/me', accessToken);
    expect(me.statusCode).toBe(200);
    expect(me.json()).toEqual({ ...user, tenant, companies: [tenant] });
    expect((await identity.get('/v1/tenant', accessToken)).json()).toMatchObject({ id: tenant.id, name: 'Acme' });
  });

  it('answers 409 to any spelling of an address that is taken, after the same work', async () => {
    const { sent } = await identity.signUp();
    identity.work.length = 0;
    const answer = await identity.post('/v1/signup', identity.body({ email: sent.email.toUpperCase() }));
    expect(answer.statusCode).toBe(409);
    expect(answer.json()).toMatchObject({ type: '/problems/conflict' });
    expect(identity.work).toEqual(['hash']);
  });

  it('answers a repeat with the same key as before, and creates one user', async () => {
    const key = { 'idempotency-key': randomUUID() };
    const sent = identity.body();
    const first = await identity.post('/v1/signup', sent, key);
    const again = await identity.post('/v1/signup', sent, key);
    expect(again.headers['idempotent-replayed']).toBe('true');
    expect(again.json()).toEqual(first.json());
  });

  it.each([
    ['before anything was appended', 0, []],
    ['between the two events', 1, ['TenantCreated']],
  ])('completes a sign-up with the same key if the log became unavailable %s', async (_, appended, before) => {
    const key = { 'idempotency-key': randomUUID() };
    const sent = identity.body();
    const { email, password } = sent;
    const { log } = identity;
    const head = await log.head();
    const append = log.append.bind(log);
    let calls = 0;
    const outage = jest.spyOn(log, 'append').mockImplementation((request) => {
      if (calls++ < appended) return append(request);
      throw new LogUnavailable('unavailable');
    });
    const failed = await identity.post('/v1/signup', sent, key);
    outage.mockRestore();
    expect(failed.json()).toMatchObject({ status: 503, type: '/problems/dependency-unavailable' });
    expect((await log.readAll({ after: head, limit: 10 })).events.map(({ type }) => type)).toEqual(before);
    expect((await identity.post('/v1/sessions', { email, password })).statusCode).toBe(401);
    expect((await identity.post('/v1/signup', sent)).statusCode).toBe(409);
    const answer = await identity.post('/v1/signup', sent, key);
    expect(answer.statusCode).toBe(201);
    const { events } = await log.readAll({ after: head, limit: 10 });
    expect(events.map(({ type }) => type)).toEqual(['TenantCreated', 'UserRegistered']);
    expect((await identity.post('/v1/sessions', { email, password })).statusCode).toBe(201);
  });

  it.each([
    ['a short password', { password: 'too short' }, '/password'],
    ['a password of 257 characters', { password: 'x'.repeat(257) }, '/password'],
    ['a malformed address', { email: 'nobody' }, '/email'],
    ['a name of white space', { personName: '   ' }, '/personName'],
    ['a tenant without a name', { companyName: '' }, '/companyName'],
    ['a role', { role: 'owner' }, '/role'],
    ['a tenant id', { tenantId: uuidv7() }, '/tenantId'],
  ])('refuses %s before the password is hashed', async (_, more, pointer) => {
    const answer = await identity.post('/v1/signup', identity.body(more));
    expect(answer.statusCode).toBe(400);
    expect(answer.json().errors).toEqual([{ pointer, message: expect.any(String) }]);
    expect(identity.work).toEqual([]);
  });

  it('writes no personal data into the log', async () => {
    const { tenant, user } = await identity.signUp();
    const { events } = await identity.log.readAll({ after: START, limit: 1_000 });
    const own = events.filter(({ stream }) => stream.tenantId === tenant.id || stream.id === user.id);
    expect(own.map(({ type }) => type)).toEqual(['TenantCreated', 'UserRegistered']);
    const text = JSON.stringify(own, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    expect(text).not.toMatch(/lovelace|@acme|correct horse/i);
  });
});
