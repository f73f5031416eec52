import type { Pool } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { appendFacts } from '#identity/facts/append-facts';
import { createFactStore } from '#identity/facts/fact-store';
import { createPool } from '#platform/database/connections/pools';
import { silentLogger } from '#platform/logging/logger.port';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

const NEW_PASSWORD = 'another correct horse battery';

interface Session {
  readonly id: string;
  readonly current: boolean;
}

describe('the facts of sign-in in the event log', () => {
  let app: IdentityApp;
  let projector: Pool;

  beforeAll(async () => {
    app = await createIdentityApp();
    projector = createPool({ url: app.database.urls.projector, max: 4, applicationName: 'test' });
  });
  afterAll(async () => {
    await projector.end();
    await app.close();
  });

  /** Appends what waits, and returns the events of these types. */
  const factsOf = async (types: readonly string[], isWanted: (event: RecordedEvent) => boolean) => {
    const store = createFactStore(projector);
    await appendFacts({ store, log: app.log, isCreated: async () => true, logger: silentLogger });
    const { events } = await app.log.readAll({ after: 0n, limit: 100_000 });
    return events.filter((event) => types.includes(event.type) && isWanted(event));
  };
  const sessionFacts = (userId: string) =>
    factsOf(['SessionStarted', 'SessionEnded'], ({ data }) => data['userId'] === userId);
  const userFacts = (userId: string) =>
    factsOf(['PasswordChanged', 'EmailChanged', 'SignInsFailed'], ({ stream }) => stream.id === userId);
  /** The stored end of each session, by its id. */
  const endsOf = async (userId: string): Promise<Record<string, unknown>> =>
    Object.fromEntries(
      (await sessionFacts(userId))
        .filter(({ type }) => type === 'SessionEnded')
        .map(({ stream, data }) => [stream.id, data['reason']]),
    );

  const signIn = async ({ sent }: SignedUp, headers: Record<string, string> = {}): Promise<SignedUp> =>
    (await app.post('/v1/sessions', { email: sent.email, password: PASSWORD }, headers)).json();
  const ownId = async (token: string): Promise<string> => {
    const { data } = (await app.get('/v1/sessions', token)).json() as { data: Session[] };
    return data.find(({ current }) => current)?.id ?? '';
  };
  const accessOf = async (id: string | null) =>
    (await app.owner.query('select * from access.records where id = $1', [id])).rows[0];

  describe('about the end of a session', () => {
    it('say that the user signed out, or ended it from another session, and from where', async () => {
      const ada = await app.signUp();
      const [second, third] = [await signIn(ada), await signIn(ada)];
      const [own, other] = [await ownId(second.accessToken), await ownId(third.accessToken)];
      const { accessToken: token } = second;
      await app.request('DELETE', `/v1/sessions/${other}`, { token, headers: { 'x-request-id': 'revoke-1' } });
      await app.request('DELETE', '/v1/sessions/current', { token });
      expect(await endsOf(ada.user.id)).toEqual({ [own]: 'signed-out', [other]: 'revoked' });
      const revoked = (await sessionFacts(ada.user.id)).find(({ data }) => data['reason'] === 'revoked');
      expect(revoked).toMatchObject({ actor: { kind: 'user', id: ada.user.id }, correlationId: 'revoke-1' });
      expect(await accessOf(revoked?.accessId ?? null)).toMatchObject({ credential_id: own });
    });

    it('follow a new password, which is a fact of the user, and a second use of a refresh token', async () => {
      const ada = await app.signUp();
      const second = await signIn(ada);
      const [first, own] = [await ownId(ada.accessToken), await ownId(second.accessToken)];
      const payload = { currentPassword: PASSWORD, newPassword: NEW_PASSWORD };
      await app.request('POST', '/v1/me/password', { token: second.accessToken, payload });
      const [changed, ...more] = await userFacts(ada.user.id);
      expect(more).toEqual([]);
      expect(changed).toMatchObject({
        ...{ type: 'PasswordChanged', actor: { kind: 'user', id: ada.user.id }, data: { at: expect.any(String) } },
        stream: { tenantId: null, aggregate: 'user', id: ada.user.id },
      });
      expect(await accessOf(changed?.accessId ?? null)).toMatchObject({ credential_id: own });

      await app.post('/v1/sessions/refresh', { refreshToken: second.refreshToken });
      await app.owner.query(
        `update identity.refresh_tokens set used_at = now() - interval '1 hour' where used_at < now()`,
      );
      await app.post('/v1/sessions/refresh', { refreshToken: second.refreshToken });
      expect(await endsOf(ada.user.id)).toEqual({ [first]: 'password-changed', [own]: 'refresh-token-reused' });
      const reused = (await sessionFacts(ada.user.id)).at(-1);
      expect(reused?.actor).toEqual({ kind: 'system' });
    });

    it('follow the time limit of a session and the erasure of the user', async () => {
      const ada = await app.signUp();
      const [first, second] = [await ownId(ada.accessToken), await signIn(ada)];
      await app.owner.query(`update identity.sessions set expires_at = now() - interval '1 hour' where id = $1`, [
        first,
      ]);
      await projector.query('select identity.purge(24, now())');
      await app.request('DELETE', '/v1/tenant', { token: second.accessToken, payload: { confirmName: 'Acme' } });
      await app.settled();
      const erased = await app.request('DELETE', '/v1/me', {
        ...{ token: second.accessToken, payload: { currentPassword: PASSWORD } },
      });
      expect(erased.statusCode).toBe(204);
      expect(Object.values(await endsOf(ada.user.id)).sort()).toEqual(['expired', 'user-erased']);
    });
  });
});
