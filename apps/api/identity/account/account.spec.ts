import { randomUUID } from 'node:crypto';
import {
  createIdentityApp,
  type IdentityApp,
  PASSWORD,
  type RequestOptions,
  type SignedUp,
} from '#test/support/identity-app';

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
