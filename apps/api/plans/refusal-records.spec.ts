import type { PlanLimits } from '#domain/limits';
import type { Terms } from '#domain/tenant/billing-events';
import { FOUNDING_TERMS } from '#plans/catalogue/index';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

describe('a limit of a plan', () => {
  let app: IdentityApp;
  beforeAll(async () => {
    app = await createIdentityApp(undefined, { plans: 'catalogue' });
  });
  afterAll(() => app.close());

  const changeTerms = (tenant: SignedUp, terms: Terms) =>
    app.appendEvents(tenant.tenant.id, { type: 'PlanChanged', data: { terms, reason: 'agreed' } });
  const termsWith = (limits: Partial<PlanLimits>): Terms => ({
    ...FOUNDING_TERMS,
    limits: { ...FOUNDING_TERMS.limits, ...limits },
  });
  const makeProject = (tenant: SignedUp) =>
    app.request('POST', '/v1/projects', { token: tenant.accessToken, payload: { name: 'Website' } });

  it('is recorded for the audit when it refuses a request, once a minute', async () => {
    const tenant = await app.signUp();
    await changeTerms(tenant, termsWith({ projects: 0 }));
    for (let at = 0; at < 3; at++) expect((await makeProject(tenant)).statusCode).toBe(402);
    await app.settled();
    const { events } = await app.log.readAll({ after: 0n, limit: 10_000, tenantId: tenant.tenant.id });
    expect(events.filter(({ type }) => type === 'OperationRefused').map(({ data }) => data)).toEqual([
      {
        ...{ problem: 'plan-limit-reached', resource: 'projects', limit: 0, used: 0, plan: 'free' },
        ...{ operation: 'POST /v1/projects', by: tenant.user.id, times: 1 },
      },
    ]);
  });

  it('or a lock that refuses a join is not shown to the user who wants to join', async () => {
    const tenant = await app.signUp();
    const asking = { token: tenant.accessToken, payload: { role: 'member', maxUses: 5 } };
    const { url } = (await app.request('POST', '/v1/invitations', asking)).json() as { url: string };
    const [since, suspendAt] = ['2026-01-01T00:00:00.000Z', '2099-01-01T00:00:00.000Z'];
    const data = { reason: 'payment-failed', since, suspendAt } as const;
    await app.appendEvents(tenant.tenant.id, { type: 'WorkspaceLocked', data });
    const { email, password } = app.body();
    const payload = { token: url.split('/').at(-1), personName: 'Bob', email, password };
    const refused = await app.request('POST', '/v1/invitations/accept', { payload });
    expect(refused.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
    expect(refused.body).not.toMatch(/lock|pay|bill/i);
    // The address is free again.
    expect((await app.signUp({ email })).user.id).toBeTruthy();
  });

  it('that refuses a join is recorded for the audit of the inviting tenant, without the user', async () => {
    const [tenant, otherTenant] = [await app.signUp(), await app.signUp()];
    await changeTerms(tenant, termsWith({ seats: 1 }));
    const payload = { role: 'member', maxUses: 5 };
    const link = (await app.request('POST', '/v1/invitations', { token: tenant.accessToken, payload })).json();
    const token = (link as { url: string }).url.split('/').at(-1);
    const { email, password } = app.body();
    const asNewUser = { payload: { token, personName: 'Bob', email, password } };
    const asUser = { token: otherTenant.accessToken, payload: { token } };
    for (const request of [asNewUser, asUser])
      expect((await app.request('POST', '/v1/invitations/accept', request)).statusCode).toBe(409);
    await app.settled();
    const recordedOf = async ({ tenant }: SignedUp) =>
      (await app.log.readAll({ after: 0n, limit: 10_000, tenantId: tenant.id })).events.filter(
        ({ type }) => type === 'OperationRefused',
      );
    expect(await recordedOf(tenant)).toMatchObject([
      {
        actor: { kind: 'system' },
        data: { resource: 'seats', limit: 1, used: 1, by: null, times: 1, operation: 'POST /v1/invitations/accept' },
      },
    ]);
    expect(await recordedOf(otherTenant)).toEqual([]);
  });
});
