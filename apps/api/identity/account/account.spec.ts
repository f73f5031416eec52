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

  describe('PATCH /v1/me', () => {
    const change = (payload: object, options: RequestOptions = {}) =>
      identity.request('PATCH', '/v1/me', { payload, token: ada.accessToken, ...options });

    it('changes the name', async () => {
      const answer = await change({ name: 'Augusta Ada' });
      expect(answer.statusCode).toBe(200);
      expect(answer.json()).toMatchObject({ ...ada.user, name: 'Augusta Ada', email: ada.sent.email });
      expect((await identity.get('/v1/me', ada.accessToken)).json()).toEqual(answer.json());
    });

    it('changes nothing if the body is empty', async () => {
      const before = (await identity.get('/v1/me', ada.accessToken)).json();
      expect((await change({})).json()).toEqual(before);
    });

    it('changes the address with the password, and accepts the new address in any spelling at sign-in', async () => {
      const email = `J\u0061\u0308ger${randomUUID()}@Acme.Example`;
      const answer = await change({ email, currentPassword: PASSWORD });
      expect(answer.json()).toMatchObject({ email: email.normalize('NFC') });
      expect((await signIn(ada.sent.email, PASSWORD)).statusCode).toBe(401);
      expect((await signIn(email.toUpperCase(), PASSWORD)).statusCode).toBe(201);
    });

    describe('with If-Match', () => {
      const tagOf = async () => String((await identity.get('/v1/me', ada.accessToken)).headers['etag']);
      const changeIfMatch = (name: string, tag: string, headers: Record<string, string> = {}) =>
        change({ name }, { headers: { 'if-match': tag, ...headers } });

      it('changes a profile that has the expected ETag, and answers with the next ETag', async () => {
        const answer = await changeIfMatch('Augusta Ada', await tagOf());
        expect(answer.statusCode).toBe(200);
        expect(answer.headers['etag']).toBe(await tagOf());
      });

      it('answers 412 and changes nothing if the profile has changed since', async () => {
        const tag = await tagOf();
        await change({ name: 'Augusta Ada' });
        const answer = await changeIfMatch('Countess', tag);
        expect(answer.json()).toMatchObject({ status: 412, type: '/problems/precondition-failed' });
        expect((await identity.get('/v1/me', ada.accessToken)).json()).toMatchObject({ name: 'Augusta Ada' });
      });

      it('accepts one of several concurrent changes', async () => {
        const tag = await tagOf();
        const answers = await Promise.all(['A', 'B', 'C', 'D'].map((name) => changeIfMatch(name, tag)));
        expect(answers.map((it) => it.statusCode).sort()).toEqual([200, 412, 412, 412]);
      });

      it('accepts a repeat of a request whose first answer was lost', async () => {
        const tag = await tagOf();
        const headers = { 'idempotency-key': randomUUID() };
        expect((await changeIfMatch('Augusta Ada', tag, headers)).statusCode).toBe(200);
        await identity.owner.query(
          `update idempotency.keys set status = null, leased_until = '-infinity' where user_id = $1`,
          [ada.user.id],
        );
        expect((await changeIfMatch('Augusta Ada', tag, headers)).statusCode).toBe(200);
      });
    });

    it('requires the password to change the address', async () => {
      const email = `${randomUUID()}@acme.example`;
      expect((await change({ email })).json().errors).toEqual([
        { pointer: '/currentPassword', message: 'is required to change the e-mail address' },
      ]);
      expect((await change({ email, currentPassword: 'wrong' })).statusCode).toBe(403);
      expect((await signIn(ada.sent.email, PASSWORD)).statusCode).toBe(201);
    });

    it('refuses the address of another account in any spelling', async () => {
      const bob = await identity.signUp();
      const email = bob.sent.email.toUpperCase();
      const answer = await change({ name: 'Mallory', email, currentPassword: PASSWORD });
      expect(answer.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
      expect((await identity.get('/v1/me', ada.accessToken)).json()).toMatchObject({ name: 'Ada Lovelace' });
    });

    it('limits the addresses that a user tries, because each answer reveals whether an account has one', async () => {
      const [eve, bob] = [await identity.signUp(), await identity.signUp()];
      const { accessToken: token } = eve;
      const take = (it: SignedUp) =>
        change({ email: bob.sent.email, currentPassword: PASSWORD }, { token: it.accessToken });
      for (let attempt = 1; attempt <= 10; attempt++) expect((await take(eve)).statusCode).toBe(409);
      const refused = await take(eve);
      expect([refused.statusCode, Number(refused.headers['retry-after'])]).toEqual([429, expect.any(Number)]);
      expect((await change({ name: 'Eve' }, { token })).statusCode).toBe(200);
      expect((await take(await identity.signUp())).statusCode).toBe(409);
    });

    it('gives an address that several users request at the same time to one of them', async () => {
      const email = `${randomUUID()}@acme.example`;
      const users = await Promise.all(Array.from({ length: 4 }, () => identity.signUp()));
      const answers = await Promise.all(
        users.map(({ accessToken: token }) => change({ email, currentPassword: PASSWORD }, { token })),
      );
      expect(answers.map((it) => it.statusCode).sort()).toEqual([200, 409, 409, 409]);
    });

    it('names the unknown field that it refuses', async () => {
      expect((await change({ id: randomUUID() })).json().errors).toEqual([
        { pointer: '/id', message: 'is not a known field; remove it' },
      ]);
    });
  });
});
