import { until } from '../../../test/e2e/start/product';
import { createIdentityApp, type IdentityApp } from '../../../test/support/identity-app';

describe('POST /v1/sessions/refresh', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());

  const refresh = (refreshToken: string) => identity.post('/v1/sessions/refresh', { refreshToken });

  it('answers with a new pair, again and again', async () => {
    let { refreshToken } = await identity.signUp();
    for (let n = 0; n < 3; n++) {
      const answer = await refresh(refreshToken);
      expect(answer.statusCode).toBe(201);
      expect(answer.json()).toEqual({
        accessToken: expect.any(String),
        refreshToken: expect.not.stringMatching(refreshToken),
        expiresIn: 900,
      });
      expect((await identity.get('/v1/me', answer.json().accessToken)).statusCode).toBe(200);
      refreshToken = answer.json().refreshToken;
    }
  });

  it('ends the session of a token that is used twice, and its access tokens', async () => {
    const { user, accessToken, refreshToken } = await identity.signUp();
    const { sent: _, ...other } = await identity.signUp();
    const second = (await refresh(refreshToken)).json();
    expect((await identity.get('/v1/me', accessToken)).statusCode).toBe(200);
    await identity.owner.query(
      `update identity.refresh_tokens set used_at = used_at - interval '11 seconds'
       where session_id in (select id from identity.sessions where person_id = $1)`,
      [user.id],
    );
    expect((await refresh(refreshToken)).statusCode).toBe(401);
    expect((await refresh(second.refreshToken)).statusCode).toBe(401);
    await until(async () => (await identity.get('/v1/me', accessToken)).statusCode === 401, 10_000);
    // One that was known here, and one that never was.
    for (const token of [accessToken, second.accessToken]) {
      const answer = await identity.get('/v1/me', token);
      expect(answer.json()).toMatchObject({ status: 401, type: '/problems/unauthenticated' });
    }
    expect((await identity.get('/v1/me', other.accessToken)).statusCode).toBe(200);
  });

  it('is refused to who is no member any more', async () => {
    const { user, refreshToken } = await identity.signUp();
    await identity.owner.query('delete from read_model.members where person_id = $1', [user.id]);
    expect((await refresh(refreshToken)).statusCode).toBe(401);
  });

  it.each(['made-up', 'x'.repeat(200)])('does not know %j', async (token) => {
    expect((await refresh(token)).statusCode).toBe(401);
  });
});
