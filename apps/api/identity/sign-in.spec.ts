import { uuidv7 } from '../../../libs/platform/ids/uuid';
import { ACCOUNT_RATE, createIdentityApp, type IdentityApp, PASSWORD } from '../../../test/support/identity-app';

describe('POST /v1/sessions', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());

  it('answers with tokens and the companies that the person belongs to', async () => {
    const { user, tenant, sent } = await identity.signUp();
    const answer = await identity.post('/v1/sessions', { email: sent.email.toLowerCase(), password: PASSWORD });
    expect(answer.statusCode).toBe(201);
    expect(answer.json()).toMatchObject({ user, tenant, companies: [tenant], expiresIn: 900 });
    expect((await identity.get('/v1/me', answer.json().accessToken)).statusCode).toBe(200);
  });

  it('gives a wrong password, an unknown address and a pending sign-up one answer, after the same work', async () => {
    const { sent } = await identity.signUp();
    const pending = await identity.signUp();
    await identity.owner.query(`update identity.persons set state = 'pending' where id = $1`, [pending.user.id]);
    const answers = [];
    for (const attempt of [
      { email: sent.email, password: 'wrong horse battery staple' },
      { email: 'nobody@acme.example', password: PASSWORD },
      { email: pending.sent.email, password: PASSWORD },
    ]) {
      identity.work.length = 0;
      const { statusCode, headers, ...answer } = await identity.post('/v1/sessions', attempt);
      const { requestId: _, ...document } = answer.json();
      answers.push({ statusCode, work: [...identity.work], challenge: headers['www-authenticate'], document });
    }
    expect(answers[0]).toMatchObject({ statusCode: 401, work: ['verify'], challenge: 'Bearer' });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('counts attempts by account, however its address is written, known or not', async () => {
    const { sent } = await identity.signUp();
    for (const email of [sent.email, 'unknown-account@acme.example']) {
      const statuses = [];
      for (let n = 0; n <= ACCOUNT_RATE; n++) {
        const written = n % 2 === 0 ? email.toUpperCase() : email.toLowerCase();
        const answer = await identity.post('/v1/sessions', { email: written, password: 'wrong horse battery staple' });
        statuses.push(answer.statusCode);
        if (answer.statusCode === 429) expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
      }
      expect(statuses).toEqual([...Array<number>(ACCOUNT_RATE).fill(401), 429]);
    }
  });

  it('does not know a company that the person is not in, whether it exists or not', async () => {
    const { sent } = await identity.signUp();
    const { tenant: foreign } = await identity.signUp();
    const answers = [];
    for (const tenantId of [foreign.id, uuidv7()]) {
      const answer = await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD, tenantId });
      const { requestId: _, ...document } = answer.json();
      answers.push(document);
    }
    expect(answers[0]).toMatchObject({ status: 404, type: '/problems/not-found' });
    expect(answers[1]).toEqual(answers[0]);
  });

  it('opens the company that is asked for, else the one used last', async () => {
    const { user, tenant, sent } = await identity.signUp();
    const { tenant: second } = await identity.signUp();
    await identity.owner.query(
      `insert into read_model.members (tenant_id, person_id, role, joined_at) values ($1, $2, 'auditor', now())`,
      [second.id, user.id],
    );
    const signIn = async (tenantId?: string) =>
      (
        await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD, ...(tenantId && { tenantId }) })
      ).json();
    expect((await signIn()).tenant.id).toBe(tenant.id);
    const chosen = await signIn(second.id);
    expect(chosen.tenant).toEqual({ ...second, role: 'auditor' });
    expect(chosen.companies).toEqual([tenant, { ...second, role: 'auditor' }]);
    expect((await signIn()).tenant.id).toBe(second.id);
  });

  it('tells a person who is in no company any more so', async () => {
    const { user, sent } = await identity.signUp();
    await identity.owner.query('delete from read_model.members where person_id = $1', [user.id]);
    const answer = await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD });
    expect(answer.json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
  });

  it('remembers what the client called itself', async () => {
    const { user, sent } = await identity.signUp();
    await identity.post('/v1/sessions', { email: sent.email, password: PASSWORD }, { 'user-agent': 'Browser/1.0' });
    const { rows } = await identity.owner.query(
      'select user_agent from identity.sessions where person_id = $1 order by created_at desc limit 1',
      [user.id],
    );
    expect(rows).toEqual([{ user_agent: 'Browser/1.0' }]);
  });
});
