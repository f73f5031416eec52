import { memberOf, tenantFold } from '#domain/tenant/evolve';
import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { until } from '#test/e2e/start/product';
import { CLOSED, joined } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

/** Two processes: one erases the user, and the other one adds the user to a tenant at the same time. */
describe('an erasure at the same time as a new membership', () => {
  let here: IdentityApp;
  let there: IdentityApp;
  beforeAll(async () => {
    here = await createIdentityApp();
    there = await createIdentityApp(here);
  });
  afterEach(() => jest.restoreAllMocks());
  afterAll(async () => {
    await there.close();
    await here.close();
  });

  /** Ada is a member of another user's tenant only: she has closed her own. */
  const signUpMember = async (): Promise<SignedUp> => {
    const [ada, bob] = [await here.signUp(), await here.signUp()];
    await here.appendEvents(bob.tenant.id, joined(ada.user.id, 'admin'));
    await here.appendEvents(ada.tenant.id, CLOSED);
    const { email, password } = ada.sent;
    const signedIn = await here.post('/v1/sessions', { email, password, tenantId: bob.tenant.id });
    return { ...ada, ...signedIn.json() };
  };
  const erase = ({ accessToken: token }: SignedUp) => here.request('DELETE', '/v1/me', { token });
  const found = ({ accessToken: token }: SignedUp) =>
    there.request('POST', '/v1/tenants', { token, payload: { companyName: 'Second' } });
  const invitationOf = async (owner: SignedUp): Promise<string> => {
    const asking = { token: owner.accessToken, payload: { role: 'member', maxUses: 1 } };
    const { url } = (await here.request('POST', '/v1/invitations', asking)).json();
    return new URL(url).pathname.split('/').at(-1) ?? '';
  };
  const join = async (user: SignedUp, invitation: string) =>
    there.request('POST', '/v1/invitations/accept', { token: user.accessToken, payload: { token: invitation } });

  /** Holds the append of the first event of a type, until `release` is called. */
  const holdAppendOf = (app: IdentityApp, type: string) => {
    let release = (): void => undefined;
    let isHeld = false;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const append = app.log.append.bind(app.log);
    jest.spyOn(app.log, 'append').mockImplementation(async (it) => {
      if (!isHeld && it.events.some((event) => event.type === type)) {
        isHeld = true;
        await released;
      }
      return append(it);
    });
    return { release: () => release(), held: () => until(() => isHeld, 10_000) };
  };
  const stateOf = async (tenantId: string) =>
    (await new AggregateStore({ log: here.log }).load(tenantFold, { tenantId, aggregate: 'tenant', id: tenantId }))
      .state;

  it('is refused while the user creates a tenant, and then names that tenant', async () => {
    const ada = await signUpMember();
    const hold = holdAppendOf(there, 'TenantCreated');
    const founding = found(ada);
    await hold.held();
    expect((await erase(ada)).json()).toMatchObject({ status: 409, detail: expect.stringContaining('at this moment') });
    hold.release();
    expect((await founding).statusCode).toBe(201);
    expect((await erase(ada)).json()).toMatchObject({ status: 409, detail: expect.stringContaining('Second') });
  });

  it('is refused while the user joins a tenant, and then ends that membership, too', async () => {
    const [ada, owner] = [await signUpMember(), await here.signUp()];
    const hold = holdAppendOf(there, 'MemberJoined');
    const joining = join(ada, await invitationOf(owner));
    await hold.held();
    expect((await erase(ada)).statusCode).toBe(409);
    hold.release();
    expect((await joining).statusCode).toBe(201);
    expect((await erase(ada)).statusCode).toBe(204);
    expect(memberOf(await stateOf(owner.tenant.id), ada.user.id)).toBeUndefined();
  });

  it('refuses a new tenant and a new membership from its beginning', async () => {
    const [ada, owner] = [await signUpMember(), await here.signUp()];
    const invitation = await invitationOf(owner);
    const hold = holdAppendOf(here, 'UserErased');
    const erasure = erase(ada);
    await hold.held();
    expect((await found(ada)).statusCode).toBe(401);
    expect((await join(ada, invitation)).statusCode).toBe(401);
    hold.release();
    expect((await erasure).statusCode).toBe(204);
    expect(memberOf(await stateOf(owner.tenant.id), ada.user.id)).toBeUndefined();
  });

  it('is possible a minute after a process was killed during the append', async () => {
    const ada = await signUpMember();
    await here.owner.query('select identity.begin_membership($1, gen_random_uuid())', [ada.user.id]);
    expect((await erase(ada)).statusCode).toBe(409);
    await here.owner.query(`update identity.pending_memberships set began_at = began_at - interval '61 seconds'`);
    expect((await erase(ada)).statusCode).toBe(204);
  });

  it('never leaves an open tenant to an erased user, whichever request is first', async () => {
    for (let round = 0; round < 12; round++) {
      const [ada, owner] = [await signUpMember(), await here.signUp()];
      const invitation = await invitationOf(owner);
      const [founding, joining, erasure] = await Promise.all([found(ada), join(ada, invitation), erase(ada)]);
      const isErased = erasure.statusCode === 204;
      expect([204, 409]).toContain(erasure.statusCode);
      for (const { statusCode } of [founding, joining]) expect([201, 401]).toContain(statusCode);
      const membership = memberOf(await stateOf(owner.tenant.id), ada.user.id);
      if (isErased) expect([founding.statusCode, membership]).toEqual([401, undefined]);
    }
  });
});
