import { randomUUID } from 'node:crypto';
import {
  ACCOUNT_RATE,
  createIdentityApp,
  type IdentityApp,
  PASSWORD,
  type RequestOptions,
  type SignedUp,
} from '#test/support/identity-app';

const NEW = 'a new horse and a new staple';

describe('accounts over HTTP', () => {
  let identity: IdentityApp;
  let ada: SignedUp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());
  beforeEach(async () => {
    ada = await identity.signUp();
    identity.work.length = 0;
  });

  const signIn = (email: string, password: string) => identity.post('/v1/sessions', { email, password });
  const statusOf = async (token: string) => (await identity.get('/v1/me', token)).statusCode;

  describe('POST /v1/me/password', () => {
    const change = (payload: object, options: RequestOptions = {}) =>
      identity.request('POST', '/v1/me/password', { payload, token: ada.accessToken, ...options });

    it('changes the password and ends every other session', async () => {
      const other = (await signIn(ada.sent.email, PASSWORD)).json();
      const answer = await change({ currentPassword: PASSWORD, newPassword: NEW });
      expect(answer.statusCode).toBe(204);
      expect(await statusOf(ada.accessToken)).toBe(200);
      expect(await statusOf(other.accessToken)).toBe(401);
      const { refreshToken } = other;
      expect((await identity.post('/v1/sessions/refresh', { refreshToken })).statusCode).toBe(401);
      expect((await signIn(ada.sent.email, PASSWORD)).statusCode).toBe(401);
      expect((await signIn(ada.sent.email, NEW)).statusCode).toBe(201);
    });

    it('answers 403 to a wrong current password, and the session continues', async () => {
      const answer = await change({ currentPassword: 'wrong horse battery staple', newPassword: NEW });
      expect(answer.json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
      expect(identity.work).toEqual(['verify']);
      expect(await statusOf(ada.accessToken)).toBe(200);
      expect((await signIn(ada.sent.email, PASSWORD)).statusCode).toBe(201);
    });

    it('counts wrong passwords together with those of sign-ins', async () => {
      for (let n = 0; n < ACCOUNT_RATE; n++)
        expect((await change({ currentPassword: 'wrong', newPassword: NEW })).statusCode).toBe(403);
      expect((await change({ currentPassword: PASSWORD, newPassword: NEW })).statusCode).toBe(429);
      expect((await signIn(ada.sent.email, PASSWORD)).statusCode).toBe(429);
      const otherNetwork = { remoteAddress: '203.0.113.7' };
      expect((await change({ currentPassword: PASSWORD, newPassword: NEW }, otherNetwork)).statusCode).toBe(204);
    });

    it('accepts a repeat of a request whose first answer was lost', async () => {
      const headers = { 'idempotency-key': randomUUID() };
      const body = { currentPassword: PASSWORD, newPassword: NEW };
      expect((await change(body, { headers })).statusCode).toBe(204);
      await identity.owner.query(
        `update idempotency.keys set status = null, leased_until = '-infinity' where user_id = $1`,
        [ada.user.id],
      );
      expect((await change(body, { headers })).statusCode).toBe(204);
      expect((await signIn(ada.sent.email, NEW)).statusCode).toBe(201);
    });

    it('checks no password of a rate-limited request that is repeated with its key', async () => {
      for (let n = 0; n < ACCOUNT_RATE; n++) await change({ currentPassword: 'wrong', newPassword: NEW });
      const headers = { 'idempotency-key': randomUUID() };
      identity.work.length = 0;
      for (let n = 0; n < 3; n++)
        expect((await change({ currentPassword: 'wrong', newPassword: PASSWORD }, { headers })).statusCode).toBe(429);
      expect(identity.work).toEqual([]);
    });

    it('accepts one of two concurrent changes', async () => {
      const body = (at: number) => ({ currentPassword: PASSWORD, newPassword: `${NEW} ${at}` });
      const statuses = (await Promise.all([1, 2].map((at) => change(body(at))))).map((it) => it.statusCode);
      expect(statuses.filter((status) => status === 204)).toHaveLength(1);
      for (const status of statuses) expect([204, 403, 409]).toContain(status);
    });

    it.each([
      ['a short new password', { currentPassword: PASSWORD, newPassword: 'short' }, '/newPassword'],
      ['a missing current password', { newPassword: NEW }, '/currentPassword'],
      ['an unknown field', { currentPassword: PASSWORD, newPassword: NEW, userId: randomUUID() }, '/userId'],
    ])('refuses %s', async (_, payload, pointer) => {
      expect((await change(payload)).json().errors).toEqual([{ pointer, message: expect.any(String) }]);
      expect(identity.work).toEqual([]);
    });
  });
});
