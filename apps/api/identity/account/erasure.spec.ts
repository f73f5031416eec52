import { randomUUID } from 'node:crypto';
import { LogUnavailable, START } from '#event-log/port';
import { until } from '#test/e2e/start/product';
import { CLOSED, joined } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

describe('DELETE /v1/me', () => {
  let identity: IdentityApp;
  let otherApp: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
    otherApp = await createIdentityApp(identity);
  });
  afterAll(async () => {
    await otherApp.close();
    await identity.close();
  });

  const erase = (token: string, payload?: object, key = randomUUID()) =>
    identity.request('DELETE', '/v1/me', { token, headers: { 'idempotency-key': key }, ...(payload && { payload }) });
  const signIn = async ({ sent }: SignedUp): Promise<number> =>
    (await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD })).statusCode;

  /** Ada is a member of Bob's tenant only: she has closed her own. */
  const signUpMember = async () => {
    const [ada, bob] = [await identity.signUp(), await identity.signUp()];
    await identity.appendEvents(bob.tenant.id, joined(ada.user.id, 'admin'));
    await identity.appendEvents(ada.tenant.id, CLOSED);
    return { ada, bob };
  };
  /** The tables, and the log, that still contain the name or the address of the user. */
  const personalDataOf = async ({ user, sent }: SignedUp): Promise<string[]> => {
    const { rows: tables } = await identity.owner.query<{ name: string }>(
      `select format('%I.%I', schemaname, tablename) as name from pg_tables
       where schemaname in ('identity', 'read_model', 'idempotency', 'projecting')`,
    );
    const found: string[] = [];
    for (const { name } of tables) {
      const { rows } = await identity.owner.query(
        `select 1 from ${name} t where t::text ilike '%' || $1 || '%' or t::text like '%Lovelace ' || $2 || '%'`,
        [sent.email, user.id],
      );
      if (rows.length > 0) found.push(name);
    }
    const { events } = await identity.log.readAll({ after: START, limit: 10_000 });
    const text = JSON.stringify(events, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    if (text.toLowerCase().includes(sent.email.toLowerCase())) found.push('the log');
    return found;
  };

  it('deletes all personal data of the user, and the events keep the user id', async () => {
    const { ada, bob } = await signUpMember();
    expect(await personalDataOf(ada)).not.toEqual([]);
    const key = randomUUID();
    const answer = await erase(ada.accessToken, { currentPassword: PASSWORD }, key);
    expect(answer.statusCode).toBe(204);
    expect(answer.headers['position']).toBeDefined();
    expect(await personalDataOf(ada)).toEqual([]);
    expect(await signIn(ada)).toBe(401);
    const { refreshToken } = ada;
    expect((await identity.post('/v1/sessions/refresh', { refreshToken })).statusCode).toBe(401);
    expect((await identity.get('/v1/me', ada.accessToken)).statusCode).toBe(401);
    await until(async () => (await otherApp.get('/v1/me', ada.accessToken)).statusCode === 401, 10_000);
    const { rows } = await identity.owner.query('select 1 from idempotency.keys where user_id = $1 and answer <> $2', [
      ada.user.id,
      Buffer.alloc(0),
    ]);
    expect(rows.length).toBeLessThanOrEqual(1);
    const { events } = await identity.log.readAll({ after: START, limit: 10_000 });
    const ofAda = events.filter(({ stream, data }) => stream.id === ada.user.id || data['userId'] === ada.user.id);
    expect(ofAda.map(({ type }) => type)).toEqual(['UserRegistered', 'MemberJoined', 'MemberRemoved', 'UserErased']);
    expect(ofAda[2]).toMatchObject({ data: { userId: ada.user.id, reason: 'erased' } });
    expect((await identity.get('/v1/me', bob.accessToken)).statusCode).toBe(200);
  });

  it('needs the password, or a session that was opened with it in the last five minutes', async () => {
    const { ada } = await signUpMember();
    const { rows } = await identity.owner.query('select id from identity.sessions where user_id = $1', [ada.user.id]);
    const age = (seconds: number) =>
      identity.owner.query(
        `update identity.sessions set created_at = now() - make_interval(secs => $2) where id = $1`,
        [rows[0].id, seconds],
      );
    await age(301);
    const refused = await erase(ada.accessToken);
    expect(refused.json()).toMatchObject({ status: 403, detail: expect.stringContaining('currentPassword') });
    // A session that was opened from an old one is new, but proves nothing.
    const found = { token: ada.accessToken, payload: { companyName: 'Second' } };
    const opened: SignedUp = (await identity.request('POST', '/v1/tenants', found)).json();
    expect((await erase(opened.accessToken)).statusCode).toBe(403);
    await identity.appendEvents(opened.tenant.id, CLOSED);
    expect((await erase(ada.accessToken, { currentPassword: 'wrong' })).statusCode).toBe(403);
    await age(290);
    expect((await erase(ada.accessToken)).statusCode).toBe(204);
  });

  it('frees the address, so that a new user can sign up with it', async () => {
    const { ada } = await signUpMember();
    await erase(ada.accessToken);
    const again = await identity.signUp({ email: ada.sent.email });
    expect(again.user.id).not.toBe(ada.user.id);
  });

  it('is refused while the user is the only owner of an open tenant, and names the tenant', async () => {
    const ada = await identity.signUp({ companyName: 'Analytical Engines' });
    const answer = await erase(ada.accessToken);
    expect(answer.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
    expect(answer.json().detail).toContain('Analytical Engines');
    expect(await signIn(ada)).toBe(201);
    await identity.appendEvents(ada.tenant.id, joined((await identity.signUp()).user.id, 'owner'));
    expect((await erase(ada.accessToken)).statusCode).toBe(204);
  });

  it('answers 412 if the profile has changed since the ETag in If-Match', async () => {
    const { ada } = await signUpMember();
    const token = ada.accessToken;
    const eraseIfMatch = async (tag: unknown) =>
      (await identity.request('DELETE', '/v1/me', { token, headers: { 'if-match': String(tag) } })).statusCode;
    const before = (await identity.get('/v1/me', token)).headers['etag'];
    await identity.request('PATCH', '/v1/me', { token, payload: { name: `Lovelace ${ada.user.id}` } });
    expect(await eraseIfMatch(before)).toBe(412);
    expect(await eraseIfMatch((await identity.get('/v1/me', token)).headers['etag'])).toBe(204);
  });

  it('checks the password if it is sent', async () => {
    const { ada } = await signUpMember();
    expect((await erase(ada.accessToken, { currentPassword: 'wrong' })).json()).toMatchObject({ status: 403 });
    expect((await erase(ada.accessToken, { password: PASSWORD })).json().errors).toEqual([
      { pointer: '/password', message: 'is not a known field; remove it' },
    ]);
    expect(await signIn(ada)).toBe(201);
  });

  it.each([
    ['before anything was appended', 0],
    ['between the end of the membership and the erasure of the user', 1],
  ])('is completed by a repeat with the same key if the log became unavailable %s', async (_, appended) => {
    const { ada } = await signUpMember();
    const key = randomUUID();
    const append = identity.log.append.bind(identity.log);
    let calls = 0;
    const unavailable = jest.spyOn(identity.log, 'append').mockImplementation((request) => {
      if (calls++ < appended) return append(request);
      throw new LogUnavailable('unavailable');
    });
    expect((await erase(ada.accessToken, undefined, key)).statusCode).toBe(503);
    unavailable.mockRestore();
    expect((await identity.get('/v1/me', ada.accessToken)).json()).toMatchObject({ email: ada.sent.email });
    expect(await signIn(ada)).toBe(401);
    expect((await erase(ada.accessToken, undefined, key)).statusCode).toBe(204);
    expect(await personalDataOf(ada)).toEqual([]);
  });
});
