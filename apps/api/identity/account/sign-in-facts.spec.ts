import type { Pool } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { appendFacts } from '#identity/facts/append-facts';
import { createFactStore } from '#identity/facts/fact-store';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
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

  const signIn = async ({ sent }: SignedUp, headers: Record<string, string> = {}): Promise<SignedUp> =>
    (await app.post('/v1/sessions', { email: sent.email, password: PASSWORD }, headers)).json();
  const ownId = async (token: string): Promise<string> => {
    const { data } = (await app.get('/v1/sessions', token)).json() as { data: Session[] };
    return data.find(({ current }) => current)?.id ?? '';
  };
  const accessOf = async (id: string | null) =>
    (await app.owner.query('select * from access.records where id = $1', [id])).rows[0];

  describe('about the start of a session', () => {
    it('name the user, the request and from where it came', async () => {
      const ada = await app.signUp();
      const { user, tenant } = ada;
      const headers = { 'user-agent': 'Phone/2.0', 'x-request-id': 'sign-in-7' };
      const session = await ownId((await signIn(ada, headers)).accessToken);
      const started = await sessionFacts(user.id);
      expect(started.map(({ data }) => data['method'])).toEqual(['sign-up', 'password']);
      const [, event] = started;
      expect(event).toMatchObject({
        ...{ type: 'SessionStarted', stream: { tenantId: tenant.id, aggregate: 'session', id: session }, version: 1 },
        ...{ actor: { kind: 'user', id: user.id }, correlationId: 'sign-in-7' },
        data: { userId: user.id, method: 'password', openedFrom: null, at: expect.stringMatching(/^20.*Z$/) },
      });
      const record = await accessOf(event?.accessId ?? null);
      expect(record).toMatchObject({ kind: 'session', credential_id: session, user_agent: 'Phone/2.0' });
      expect(JSON.stringify(event?.data)).not.toContain('Phone');
    });

    it('name the method, and the session from which another one was opened', async () => {
      const [ada, bob] = [await app.signUp(), await app.signUp()];
      const { accessToken: token, user } = ada;
      const first = await ownId(token);
      const payload = { role: 'member', maxUses: 1 };
      const invitation = await app.request('POST', '/v1/invitations', { token: bob.accessToken, payload });
      const link = (invitation.json() as { url: string }).url.split('/').at(-1);
      await app.request('POST', '/v1/invitations/accept', { token, payload: { token: link } });
      await app.request('POST', '/v1/sessions/switch', { token, payload: { tenantId: bob.tenant.id } });
      await app.request('POST', '/v1/tenants', { token, payload: { companyName: 'Second Ltd' } });
      const facts = await sessionFacts(user.id);
      expect(facts.map(({ data }) => [data['method'], data['openedFrom']])).toEqual([
        ['sign-up', null],
        ['invitation', first],
        ['switch', first],
        ['new-tenant', first],
      ]);
      expect(facts.map(({ stream }) => stream.tenantId).slice(0, 3)).toEqual([
        ada.tenant.id,
        bob.tenant.id,
        bob.tenant.id,
      ]);
    });

    it('are stored once for a request that is repeated', async () => {
      const ada = await app.signUp();
      const headers = { 'idempotency-key': uuidv7() };
      for (let time = 0; time < 2; time++) await signIn(ada, headers);
      expect(await sessionFacts(ada.user.id)).toHaveLength(2);
    });
  });

  it('name a changed address, without the address, and nothing for a changed name', async () => {
    const ada = await app.signUp();
    const change = (payload: object) => app.request('PATCH', '/v1/me', { token: ada.accessToken, payload });
    await change({ name: 'Ada King' });
    await change({ email: ada.sent.email, currentPassword: PASSWORD });
    expect(await userFacts(ada.user.id)).toEqual([]);
    const email = `${uuidv7()}@acme.example`;
    await change({ email, currentPassword: PASSWORD });
    const [changed] = await userFacts(ada.user.id);
    expect([changed?.type, Object.keys(changed?.data ?? {})]).toEqual(['EmailChanged', ['at']]);
  });

  describe('about wrong passwords', () => {
    const signInWrongly = (email: string, headers = {}) =>
      app.post('/v1/sessions', { email, password: 'a wrong password' }, headers);
    const countedFor = async (userId: string): Promise<number> =>
      (
        await app.owner.query('select sum(times)::integer as n from identity.failed_sign_ins where user_id = $1', [
          userId,
        ])
      ).rows[0].n ?? 0;
    const counted = async (userId: string, times: number): Promise<void> => {
      while ((await countedFor(userId)) !== times) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const endMinutes = () =>
      app.owner.query(`update identity.failed_sign_ins set minute = minute - interval '2 minutes'`);

    it('count those of one user and minute, with the client of the first one', async () => {
      const ada = await app.signUp();
      await signInWrongly(ada.sent.email, { 'user-agent': 'Guesser/1.0' });
      await counted(ada.user.id, 1);
      await signInWrongly(ada.sent.email, { 'user-agent': 'Guesser/2.0' });
      const payload = { currentPassword: 'a wrong password', newPassword: NEW_PASSWORD };
      await app.request('POST', '/v1/me/password', { token: ada.accessToken, payload });
      await counted(ada.user.id, 3);
      expect(await userFacts(ada.user.id)).toEqual([]);
      await endMinutes();
      const facts = await userFacts(ada.user.id);
      expect(facts.reduce((sum, { data }) => sum + Number(data['times']), 0)).toBe(3);
      expect(facts[0]).toMatchObject({ type: 'SignInsFailed', actor: { kind: 'system' } });
      const record = await accessOf(facts[0]?.accessId ?? null);
      expect(record).toMatchObject({ kind: 'password', user_id: ada.user.id, user_agent: 'Guesser/1.0' });
      expect(await countedFor(ada.user.id)).toBe(0);
    });

    it('are not stored for an address without an account, or for a right password', async () => {
      const ada = await app.signUp();
      await signInWrongly(`${uuidv7()}@acme.example`);
      await signIn(ada);
      expect(await countedFor(ada.user.id)).toBe(0);
    });
  });
});
