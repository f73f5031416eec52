import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

const NEW_PASSWORD = 'another horse battery staple';

/** Two processes: a request to the second one arrives just after the first one has answered. */
describe('a session that is opened just after', () => {
  let here: IdentityApp;
  let there: IdentityApp;

  beforeAll(async () => {
    here = await createIdentityApp();
    there = await createIdentityApp(here);
  });
  afterAll(async () => {
    await there.close();
    await here.close();
  });

  const changePassword = (token: string) =>
    here.request('POST', '/v1/me/password', {
      ...{ token, payload: { currentPassword: PASSWORD, newPassword: NEW_PASSWORD } },
    });
  const signIn = async ({ sent }: SignedUp): Promise<SignedUp> =>
    (await here.post('/v1/sessions', { email: sent.email, password: PASSWORD })).json();
  const openOf = async (userId: string): Promise<number> =>
    (await here.owner.query('select 1 from identity.sessions where user_id = $1 and ended_at is null', [userId])).rows
      .length;
  const invitationOf = async (owner: SignedUp): Promise<string> => {
    const asking = { token: owner.accessToken, payload: { role: 'member', maxUses: 1 } };
    const { url } = (await here.request('POST', '/v1/invitations', asking)).json();
    return new URL(url).pathname.split('/').at(-1) ?? '';
  };

  /** Every route that opens a session for an access token. */
  const ROUTES: readonly [string, (user: SignedUp, token: string) => Promise<number>][] = [
    [
      'POST /v1/sessions/switch',
      async (user, token) =>
        (await there.request('POST', '/v1/sessions/switch', { token, payload: { tenantId: user.tenant.id } }))
          .statusCode,
    ],
    [
      'POST /v1/tenants',
      async (_, token) =>
        (await there.request('POST', '/v1/tenants', { token, payload: { companyName: 'Second' } })).statusCode,
    ],
    [
      'POST /v1/invitations/accept',
      async (_, token) => {
        const invitation = await invitationOf(await here.signUp());
        return (await there.request('POST', '/v1/invitations/accept', { token, payload: { token: invitation } }))
          .statusCode;
      },
    ],
  ];

  describe.each(ROUTES)('with %s', (_, send) => {
    it('a change of the password by another session is refused', async () => {
      const ada = await here.signUp();
      const stolen = await signIn(ada);
      expect((await changePassword(ada.accessToken)).statusCode).toBe(204);
      expect(await send(ada, stolen.accessToken)).toBe(401);
      expect(await openOf(ada.user.id)).toBe(1);
    });

    it('a sign-out is refused', async () => {
      const ada = await here.signUp();
      const token = ada.accessToken;
      expect((await here.request('DELETE', '/v1/sessions/current', { token })).statusCode).toBe(204);
      expect(await send(ada, token)).toBe(401);
      expect(await openOf(ada.user.id)).toBe(0);
    });

    it('is ended by the sign-out of the session that opened it', async () => {
      const ada = await here.signUp();
      expect(await send(ada, ada.accessToken)).toBe(201);
      expect(await openOf(ada.user.id)).toBe(2);
      await here.request('DELETE', '/v1/sessions/current', { token: ada.accessToken });
      expect(await openOf(ada.user.id)).toBe(0);
    });
  });

  it('a change of the password, with the password from before it, is refused', async () => {
    const ada = await here.signUp();
    // The password is right when it is checked, and is changed before the session is opened.
    const verify = there.passwords.verify.bind(there.passwords);
    const checked = jest.spyOn(there.passwords, 'verify').mockImplementationOnce(async (...args) => {
      const matches = await verify(...args);
      expect((await changePassword(ada.accessToken)).statusCode).toBe(204);
      return matches;
    });
    const answer = await there.post('/v1/sessions', { email: ada.sent.email, password: PASSWORD });
    checked.mockRestore();
    expect(answer.statusCode).toBe(401);
    expect(await openOf(ada.user.id)).toBe(1);
  });
});
