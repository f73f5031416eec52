import type { PlanLimits } from '#domain/limits';
import type { Terms } from '#domain/tenant/billing-events';
import { createCatalogue, FOUNDING_TERMS } from '#plans/catalogue/index';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

const catalogue = createCatalogue();

describe('a limit of a plan', () => {
  let app: IdentityApp;
  let other: IdentityApp;
  beforeAll(async () => {
    app = await createIdentityApp(undefined, { plans: 'catalogue' });
    other = await createIdentityApp(app, { plans: 'catalogue' });
  });
  afterAll(async () => {
    await other.close();
    await app.close();
  });

  const changeTerms = (tenant: SignedUp, terms: Terms) =>
    app.appendEvents(tenant.tenant.id, { type: 'PlanChanged', data: { terms, reason: 'agreed' } });
  const termsWith = (limits: Partial<PlanLimits>): Terms => ({
    ...FOUNDING_TERMS,
    limits: { ...FOUNDING_TERMS.limits, ...limits },
  });
  const usageOf = async (tenant: SignedUp, resource: string) => {
    const { data } = (await app.get('/v1/usage', tenant.accessToken)).json() as { data: { resource: string }[] };
    return data.find((it) => it.resource === resource);
  };

  it('of API calls in a month is reported with each answer', async () => {
    const tenant = await app.signUp();
    await changeTerms(tenant, termsWith({ apiCallsPerMonth: 3 }));
    const ask = () => app.get('/v1/tenant', tenant.accessToken);
    const answers = [await ask(), await ask(), await ask(), await ask()];
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 402]);
    expect(answers[0]?.headers['ratelimit']).toMatch(/^"tenant";r=\d+;t=\d+, "month";r=2;t=\d+$/);
    expect(answers[3]?.json()).toMatchObject({
      resource: 'apiCalls',
      limit: 3,
      used: 3,
      plan: 'free',
      upgradeTo: 'pro',
    });
    expect((await app.get('/v1/me', tenant.accessToken)).statusCode).toBe(200);
  });

  it('of API calls does not count refused calls, and can still be read when it is reached', async () => {
    const tenant = await app.signUp();
    await changeTerms(tenant, termsWith({ apiCallsPerMonth: 2 }));
    for (const status of [200, 200, 402, 402, 402])
      expect((await app.get('/v1/tenant', tenant.accessToken)).statusCode).toBe(status);
    expect(await usageOf(tenant, 'apiCalls')).toMatchObject({ used: 2, limit: 2 });
    await changeTerms(tenant, termsWith({ apiCallsPerMonth: 3 }));
    for (const status of [200, 402]) expect((await app.get('/v1/tenant', tenant.accessToken)).statusCode).toBe(status);
  });

  it('of API calls may be missing: the calls are counted all the same', async () => {
    const tenant = await app.signUp();
    await changeTerms(tenant, catalogue.termsOf('enterprise', null));
    const answer = await app.get('/v1/tenant', tenant.accessToken);
    expect(answer.headers['ratelimit']).not.toContain('month');
    expect(await usageOf(tenant, 'apiCalls')).toMatchObject({ used: 1, limit: null });
  });

  it('of API calls is known to a new process from its first call on', async () => {
    const tenant = await app.signUp();
    await changeTerms(tenant, termsWith({ apiCallsPerMonth: 2 }));
    for (let at = 0; at < 2; at++) await app.get('/v1/tenant', tenant.accessToken);
    const storedCalls = () =>
      app.owner.query('select from plans.api_calls where tenant_id = $1 and calls = 2', [tenant.tenant.id]);
    while ((await storedCalls()).rowCount === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    const ask = () => other.get('/v1/tenant', tenant.accessToken);
    const answers = await Promise.all([ask(), ask(), ask()]);
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([402, 402, 402]);
  });
});
