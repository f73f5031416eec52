import type { TenantEvent } from '#domain/tenant/events';
import { LogUnavailable } from '#event-log/port';
import { CLOSED, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';

describe('POST /v1/sessions/refresh', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());

  const refresh = (refreshToken: string) => identity.post('/v1/sessions/refresh', { refreshToken });

  it('answers with a new pair of tokens each time', async () => {
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
    const other = await identity.signUp();
    const second = (await refresh(refreshToken)).json();
    expect((await identity.get('/v1/me', accessToken)).statusCode).toBe(200);
    await identity.owner.query(
      `update identity.refresh_tokens set used_at = used_at - interval '11 seconds'
       where session_id in (select id from identity.sessions where user_id = $1)`,
      [user.id],
    );
    expect((await refresh(refreshToken)).statusCode).toBe(401);
    expect((await refresh(second.refreshToken)).statusCode).toBe(401);
    // The first token is in the cache of verified tokens, the second is not.
    for (const token of [accessToken, second.accessToken]) {
      const answer = await identity.get('/v1/me', token);
      expect(answer.json()).toMatchObject({ status: 401, type: '/problems/unauthenticated' });
    }
    expect((await identity.get('/v1/me', other.accessToken)).statusCode).toBe(200);
  });

  it.each<[string, (userId: string) => TenantEvent]>([
    ['who is no longer a member', removed],
    ['whose tenant is closed', () => CLOSED],
  ])('is refused to a user %s, although the read model still has the membership', async (_, event) => {
    const { user, tenant, refreshToken } = await identity.signUp();
    const { rows } = await identity.owner.query('select * from read_model.members where user_id = $1', [user.id]);
    await identity.appendEvents(tenant.id, event(user.id));
    // As if the projection had not processed the event yet.
    await identity.owner.query(
      'insert into read_model.members select * from jsonb_populate_record(null::read_model.members, $1) on conflict do nothing',
      [JSON.stringify(rows[0])],
    );
    expect((await refresh(refreshToken)).statusCode).toBe(401);
  });

  it('issues a token with the present role of the user', async () => {
    const { user, tenant, refreshToken } = await identity.signUp();
    await identity.appendEvents(tenant.id, { type: 'MemberRoleChanged', data: { userId: user.id, role: 'auditor' } });
    const { accessToken } = (await refresh(refreshToken)).json();
    const claims = JSON.parse(Buffer.from(accessToken.split('.')[1], 'base64url').toString());
    expect(claims.role).toBe('auditor');
  });

  it('does not use up a token while the log is not available', async () => {
    const { refreshToken } = await identity.signUp();
    const outage = jest.spyOn(identity.log, 'readStream').mockRejectedValue(new LogUnavailable('unavailable'));
    expect((await refresh(refreshToken)).statusCode).toBe(503);
    outage.mockRestore();
    const { rows } = await identity.owner.query(
      'select used_at from identity.refresh_tokens where token_hash = sha256($1)',
      [Buffer.from(refreshToken)],
    );
    expect(rows).toEqual([{ used_at: null }]);
    expect((await refresh(refreshToken)).statusCode).toBe(201);
  });

  it.each(['made-up', 'x'.repeat(200)])('refuses the unknown token %j', async (token) => {
    expect((await refresh(token)).statusCode).toBe(401);
  });
});
