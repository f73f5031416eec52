import type { RecordedEvent } from '#event-log/port';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

/** The claims of an access token, unchecked. */
const claimsOf = (token: string): { readonly sid: string } =>
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());

describe('the access record of an event', () => {
  let identity: IdentityApp;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  afterAll(() => identity.close());

  const recordOf = async ({ accessId }: RecordedEvent) =>
    (await identity.owner.query('select * from access.records where id = $1', [accessId])).rows[0];
  /** The events since a position, each with its record. */
  const eventsSince = async (after: bigint) => {
    const { events } = await identity.log.readAll({ after, limit: 1_000 });
    return Promise.all(events.map(async (event) => ({ event, record: await recordOf(event) })));
  };
  const during = async (work: () => Promise<unknown>) => {
    const before = await identity.log.head();
    await work();
    return eventsSince(before);
  };
  const record = (userId: string, token: string, more: object = {}) => ({
    ...{ kind: 'session', user_id: userId, credential_id: claimsOf(token).sid },
    ...more,
  });
  const invitationOf = async ({ accessToken: token }: SignedUp, maxUses = 5): Promise<string> => {
    const { url } = (
      await identity.request('POST', '/v1/invitations', { token, payload: { role: 'member', maxUses } })
    ).json();
    return new URL(url).pathname.split('/').at(-1) ?? '';
  };

  it('of a sign-up names the session that the new user gets, and from where', async () => {
    let ada!: SignedUp;
    const events = await during(async () => {
      const sent = identity.body();
      ada = (await identity.post('/v1/signup', sent, { 'user-agent': 'Browser/1.0' })).json();
    });
    expect(events.map(({ event }) => event.type)).toEqual(['TenantCreated', 'UserRegistered']);
    for (const it of events)
      expect(it.record).toMatchObject(
        record(ada.user.id, ada.accessToken, { address: '127.0.0.1', user_agent: 'Browser/1.0' }),
      );
  });

  it('of a write names the session of its access token, and the present address and user agent', async () => {
    const { user, accessToken: token } = await identity.signUp();
    const write = (name: string, headers: Record<string, string>, remoteAddress?: string) =>
      identity.request('POST', '/v1/teams', {
        ...{ token, payload: { name }, headers },
        ...(remoteAddress !== undefined && { remoteAddress }),
      });
    const events = await during(async () => {
      await write('Sales', { 'user-agent': 'Browser/1.0' });
      await write('Support', { 'user-agent': 'Browser/1.0' });
      await write('Legal', { 'user-agent': 'x'.repeat(2_000) }, '::ffff:203.0.113.9');
    });
    expect(events.map((it) => it.record)).toMatchObject([
      record(user.id, token, { user_agent: 'Browser/1.0' }),
      record(user.id, token, { user_agent: 'Browser/1.0' }),
      record(user.id, token, { user_agent: 'x'.repeat(256), address: '203.0.113.9' }),
    ]);
    expect(events[0]?.record.id).toBe(events[1]?.record.id);
    expect(events[0]?.record.id).not.toBe(events[2]?.record.id);
  });

  it('is not made for a read', async () => {
    const { user, accessToken } = await identity.signUp();
    const count = async () =>
      (await identity.owner.query('select 1 from access.records where user_id = $1', [user.id])).rows.length;
    const before = await count();
    await identity.request('GET', '/v1/teams', { token: accessToken, headers: { 'user-agent': 'Other/1.0' } });
    expect(await count()).toBe(before);
  });

  it('of a join names the session of the new user, of the signed-in user, and the one of a password', async () => {
    const owner = await identity.signUp();
    const token = await invitationOf(owner);
    const [, present, absent] = [undefined, await identity.signUp(), await identity.signUp()];
    const accept = async (payload: object, accessToken?: string): Promise<SignedUp> =>
      (
        await identity.request('POST', '/v1/invitations/accept', {
          payload: { token, ...payload },
          ...(accessToken !== undefined && { token: accessToken }),
        })
      ).json();
    const { email } = identity.body();
    const joinedAs: SignedUp[] = [];
    const events = await during(async () => {
      joinedAs.push(await accept({ personName: 'Eve', email, password: PASSWORD }));
      joinedAs.push(await accept({}, present.accessToken));
      joinedAs.push(await accept({ email: absent.sent.email, password: PASSWORD }));
    });
    const joins = events.filter(({ event }) => event.type === 'MemberJoined');
    const [asNew, , byPassword] = joinedAs as [SignedUp, SignedUp, SignedUp];
    expect(joins.map((it) => it.record)).toMatchObject([
      record(asNew.user.id, asNew.accessToken),
      record(present.user.id, present.accessToken),
      record(absent.user.id, byPassword.accessToken),
    ]);
  });

  it('of an erasure stays, without address and user agent', async () => {
    const owner = await identity.signUp();
    const { email } = identity.body();
    const joining = { token: await invitationOf(owner), personName: 'Eve', email, password: PASSWORD };
    const eve: SignedUp = (await identity.post('/v1/invitations/accept', joining)).json();
    const events = await during(() => identity.request('DELETE', '/v1/me', { token: eve.accessToken }));
    expect(events.map(({ event }) => event.type)).toEqual(['MemberRemoved', 'UserErased']);
    for (const it of events)
      expect(it.record).toMatchObject(record(eve.user.id, eve.accessToken, { address: null, user_agent: null }));
  });

  it('of every event of these tests exists', async () => {
    for (const { event, record: found } of await eventsSince(0n))
      expect([event.type, found?.id]).toEqual([event.type, event.accessId]);
  });
});
