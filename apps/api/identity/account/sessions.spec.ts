import { uuidv7 } from '#platform/ids/uuid';
import { CLOSED, joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

interface ListedSession {
  readonly id: string;
  readonly current: boolean;
  readonly tenantId: string;
}

describe('sessions over HTTP', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());

  const signIn = async ({ sent }: SignedUp): Promise<SignedUp> =>
    (
      await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD }, { 'user-agent': 'Browser/1.0' })
    ).json();
  const list = async (token: string): Promise<{ data: ListedSession[] }> =>
    (await identity.get('/v1/sessions', token)).json();
  const end = (id: string, token: string) => identity.request('DELETE', `/v1/sessions/${id}`, { token });
  const statusOf = async (token: string) => (await identity.get('/v1/me', token)).statusCode;

  describe('DELETE /v1/sessions/current', () => {
    const signOut = (payload?: object, token?: string) =>
      identity.request('DELETE', '/v1/sessions/current', { ...(payload && { payload }), ...(token && { token }) });
    const refresh = ({ refreshToken }: SignedUp) => identity.post('/v1/sessions/refresh', { refreshToken });

    it('ends the session of a refresh token, and those that were opened from it, without an access token', async () => {
      const ada = await identity.signUp();
      const { accessToken: token, tenant } = ada;
      const opened = await identity.request('POST', '/v1/sessions/switch', { token, payload: { tenantId: tenant.id } });
      expect((await signOut({ refreshToken: ada.refreshToken })).statusCode).toBe(204);
      for (const session of [ada, opened.json()]) {
        expect(await statusOf(session.accessToken)).toBe(401);
        expect((await refresh(session)).statusCode).toBe(401);
      }
    });

    it('ends the session of a refresh token that was used already, which the client may still have', async () => {
      const ada = await identity.signUp();
      const next: SignedUp = (await refresh(ada)).json();
      expect((await signOut({ refreshToken: ada.refreshToken })).statusCode).toBe(204);
      expect(await statusOf(next.accessToken)).toBe(401);
    });

    it('does not reveal whether a refresh token exists', async () => {
      expect((await signOut({ refreshToken: 'x'.repeat(43) })).statusCode).toBe(204);
      const ada = await identity.signUp();
      for (let time = 0; time < 2; time++)
        expect((await signOut({ refreshToken: ada.refreshToken })).statusCode).toBe(204);
    });

    it('needs exactly one of the two tokens', async () => {
      const ada = await identity.signUp();
      for (const body of [undefined, {}]) {
        const none = await signOut(body);
        expect([none.statusCode, none.json().errors[0].pointer]).toEqual([400, '/refreshToken']);
      }
      const both = await signOut({ refreshToken: ada.refreshToken }, ada.accessToken);
      expect([both.statusCode, both.json().errors[0].pointer]).toEqual([400, '/refreshToken']);
      expect(await statusOf(ada.accessToken)).toBe(200);
      expect((await signOut(undefined, ada.accessToken)).statusCode).toBe(204);
    });
  });

  describe('DELETE /v1/sessions/{id}', () => {
    it('ends another session of the user at once', async () => {
      const ada = await identity.signUp();
      const other = await signIn(ada);
      expect(await statusOf(other.accessToken)).toBe(200);
      const { data } = await list(ada.accessToken);
      const id = data.find(({ current }) => !current)?.id ?? '';
      expect((await end(id, ada.accessToken)).statusCode).toBe(204);
      expect(await statusOf(other.accessToken)).toBe(401);
      expect((await identity.post('/v1/sessions/refresh', { refreshToken: other.refreshToken })).json()).toMatchObject({
        status: 401,
      });
      expect(await statusOf(ada.accessToken)).toBe(200);
      expect((await end(id, ada.accessToken)).statusCode).toBe(204);
    });

    it('signs out: `current` ends the present session', async () => {
      const ada = await identity.signUp();
      expect((await end('current', ada.accessToken)).statusCode).toBe(204);
      expect(await statusOf(ada.accessToken)).toBe(401);
    });

    it('answers a session of another user like a session that does not exist', async () => {
      const [ada, bob] = [await identity.signUp(), await identity.signUp()];
      const { data } = await list(bob.accessToken);
      const answers = [];
      for (const id of [data[0]?.id ?? '', uuidv7()]) {
        const { requestId: _, instance: __, ...document } = (await end(id, ada.accessToken)).json();
        answers.push(document);
      }
      expect(answers[0]).toMatchObject({ status: 404, type: '/problems/not-found' });
      expect(answers[1]).toEqual(answers[0]);
      expect(await statusOf(bob.accessToken)).toBe(200);
    });

    it('refuses a malformed id', async () => {
      const ada = await identity.signUp();
      expect((await end('1', ada.accessToken)).statusCode).toBe(400);
    });
  });

  describe('POST /v1/sessions/switch', () => {
    const switchTo = (tenantId: string, token: string) =>
      identity.request('POST', '/v1/sessions/switch', { payload: { tenantId }, token });

    it('opens a session in another tenant, and the present session continues', async () => {
      const [ada, bob] = [await identity.signUp(), await identity.signUp()];
      await identity.appendEvents(bob.tenant.id, joined(ada.user.id, 'admin'));
      const answer = await switchTo(bob.tenant.id, ada.accessToken);
      expect(answer.statusCode).toBe(201);
      expect(answer.json()).toEqual({
        tenant: { ...bob.tenant, role: 'admin' },
        accessToken: expect.any(String),
        refreshToken: expect.any(String),
        expiresIn: 900,
      });
      expect((await identity.get('/v1/me', answer.json().accessToken)).json().tenant.id).toBe(bob.tenant.id);
      expect((await identity.get('/v1/me', ada.accessToken)).json().tenant.id).toBe(ada.tenant.id);
      expect((await list(ada.accessToken)).data.map(({ tenantId }) => tenantId)).toEqual([
        bob.tenant.id,
        ada.tenant.id,
      ]);
    });

    it('is open to a user who was removed from the tenant of their token', async () => {
      const [ada, bob] = [await identity.signUp(), await identity.signUp()];
      await identity.appendEvents(bob.tenant.id, joined(ada.user.id, 'member'));
      await identity.appendEvents(ada.tenant.id, removed(ada.user.id));
      expect((await identity.get('/v1/tenant', ada.accessToken)).statusCode).toBe(401);
      expect((await switchTo(bob.tenant.id, ada.accessToken)).statusCode).toBe(201);
    });

    it('answers alike for a foreign tenant, an unknown tenant and a closed tenant', async () => {
      const [ada, bob, closed] = [await identity.signUp(), await identity.signUp(), await identity.signUp()];
      await identity.appendEvents(closed.tenant.id, joined(ada.user.id, 'admin'));
      await identity.appendEvents(closed.tenant.id, CLOSED);
      const answers = [];
      for (const tenantId of [bob.tenant.id, uuidv7(), closed.tenant.id]) {
        const { requestId: _, ...document } = (await switchTo(tenantId, ada.accessToken)).json();
        answers.push(document);
      }
      expect(answers[0]).toMatchObject({ status: 404, type: '/problems/not-found' });
      expect(answers[1]).toEqual(answers[0]);
      expect(answers[2]).toEqual(answers[0]);
    });
  });
});
