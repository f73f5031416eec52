import { Problem } from '#platform/problems';
import {
  ACCOUNT_RATE,
  ACCOUNT_TOTAL_RATE,
  createIdentityApp,
  type IdentityApp,
  PASSWORD,
} from '#test/support/identity-app';

describe('POST /v1/sessions', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());

  it('counts no right password, however many are sent at the same time', async () => {
    const { sent } = await identity.signUp();
    const signIn = (password = sent.password) => identity.post('/v1/sessions', { email: sent.email, password });
    expect((await signIn('wrong password')).statusCode).toBe(401);
    const answers = await Promise.all(Array.from({ length: 4 * ACCOUNT_RATE }, () => signIn()));
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(answers.map(() => 201));
    for (let time = 1; time < ACCOUNT_RATE; time++) expect((await signIn('wrong password')).statusCode).toBe(401);
    expect((await signIn()).statusCode).toBe(429);
  });

  it('counts wrong passwords per account, for existing and unknown accounts and in any spelling of the address', async () => {
    const { sent } = await identity.signUp();
    for (const email of [sent.email, 'unknown-account@acme.example']) {
      const statuses = [];
      for (let n = 0; n <= ACCOUNT_RATE; n++) {
        const spelling = n % 2 === 0 ? email.toUpperCase() : email.toLowerCase();
        const answer = await identity.post('/v1/sessions', { email: spelling, password: 'wrong horse battery staple' });
        statuses.push(answer.statusCode);
        if (answer.statusCode === 429) expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      }
      expect(statuses).toEqual([...Array<number>(ACCOUNT_RATE).fill(401), 429]);
    }
  });

  describe('while an attacker guesses passwords', () => {
    const attempt = async (email: string, password: string, remoteAddress: string): Promise<number> =>
      (await identity.request('POST', '/v1/sessions', { payload: { email, password }, remoteAddress })).statusCode;
    const guess = (email: string, remoteAddress: string) => attempt(email, 'a guess that is wrong', remoteAddress);

    it('accepts the user from any other network', async () => {
      const { sent } = await identity.signUp();
      for (let n = 0; n < 2 * ACCOUNT_RATE; n++) await guess(sent.email, '198.51.100.1');
      expect(await attempt(sent.email, PASSWORD, '198.51.100.1')).toBe(429);
      expect(await attempt(sent.email, PASSWORD, '203.0.113.7')).toBe(201);
    });

    it('counts the addresses of an IPv6 /64 as one network', async () => {
      const { sent } = await identity.signUp();
      for (let n = 0; n < ACCOUNT_RATE; n++) expect(await guess(sent.email, `2001:db8:1:2::${n + 1}`)).toBe(401);
      expect(await guess(sent.email, '2001:db8:1:2::ffff')).toBe(429);
    });

    it('accepts the user from a network of an earlier sign-in while many networks guess together', async () => {
      const { sent } = await identity.signUp();
      expect(await attempt(sent.email, PASSWORD, '203.0.113.7')).toBe(201);
      for (let n = 1; n <= ACCOUNT_TOTAL_RATE; n++) expect(await guess(sent.email, `198.51.100.${n}`)).toBe(401);
      expect(await guess(sent.email, '198.51.100.99')).toBe(429);
      expect(await attempt(sent.email, PASSWORD, '203.0.113.7')).toBe(201);
    });

    it('does not count right passwords', async () => {
      const { sent } = await identity.signUp();
      for (let n = 0; n < 2 * ACCOUNT_RATE; n++) expect(await attempt(sent.email, PASSWORD, '203.0.113.7')).toBe(201);
    });

    it('does not count an attempt whose password an outage left unchecked', async () => {
      const { sent } = await identity.signUp();
      const unreachable = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      const outage = jest.spyOn(identity.pool, 'connect').mockImplementation(() => Promise.reject(unreachable));
      for (let n = 0; n <= ACCOUNT_RATE; n++) expect(await attempt(sent.email, PASSWORD, '203.0.113.7')).toBe(503);
      outage.mockRestore();
      const busy = jest.spyOn(identity.passwords, 'verify').mockRejectedValue(new Problem('dependency-unavailable'));
      for (let n = 0; n <= ACCOUNT_TOTAL_RATE; n++)
        expect(await attempt(sent.email, PASSWORD, `198.51.100.${n}`)).toBe(503);
      busy.mockRestore();
      for (let n = 0; n < ACCOUNT_RATE; n++) expect(await guess(sent.email, '203.0.113.7')).toBe(401);
      expect(await attempt(sent.email, PASSWORD, '203.0.113.8')).toBe(201);
    });

    it('counts guesses at an unknown address in the same way', async () => {
      for (let n = 1; n <= ACCOUNT_TOTAL_RATE; n++) expect(await guess('no@acme.example', `198.51.100.${n}`)).toBe(401);
      expect(await guess('no@acme.example', '198.51.100.99')).toBe(429);
    });
  });
});
