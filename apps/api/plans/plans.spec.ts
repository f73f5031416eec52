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
  const makeProject = (tenant: SignedUp, through = app) =>
    through.request('POST', '/v1/projects', { token: tenant.accessToken, payload: { name: 'Website' } });
  const makeTask = (tenant: SignedUp, projectId: string) =>
    app.request('POST', `/v1/projects/${projectId}/tasks`, { token: tenant.accessToken, payload: { title: 'Do it' } });
  const usageOf = async (tenant: SignedUp, resource: string) => {
    const { data } = (await app.get('/v1/usage', tenant.accessToken)).json() as { data: { resource: string }[] };
    return data.find((it) => it.resource === resource);
  };

  it('is reported by a refusal with the resource, the limit, the use and the plan to upgrade to', async () => {
    const tenant = await app.signUp();
    for (let at = 0; at < 3; at++) expect((await makeProject(tenant)).statusCode).toBe(201);
    const refused = await makeProject(tenant);
    expect([refused.statusCode, refused.json()]).toEqual([
      402,
      expect.objectContaining({
        type: '/problems/plan-limit-reached',
        ...{ resource: 'projects', limit: 3, used: 3, plan: 'free', upgradeTo: 'pro' },
      }),
    ]);
    expect(await usageOf(tenant, 'projects')).toMatchObject({ used: 3, limit: 3 });
  });

  it('is not exceeded by any number of simultaneous requests in two processes', async () => {
    const tenant = await app.signUp();
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, at) => makeProject(tenant, at % 2 === 0 ? app : other)),
    );
    const statuses = answers.map(({ statusCode }) => statusCode);
    expect(statuses.filter((it) => it === 201 || it === 202)).toHaveLength(3);
    expect(statuses.filter((it) => it === 402)).toHaveLength(197);
  });

  it('allows a project again after one was archived, and then refuses to restore that one', async () => {
    const tenant = await app.signUp();
    const { accessToken: token } = tenant;
    const [first] = [(await makeProject(tenant)).json() as { id: string }];
    for (let at = 0; at < 2; at++) await makeProject(tenant);
    expect((await app.request('DELETE', `/v1/projects/${first.id}`, { token })).statusCode).toBe(200);
    expect((await makeProject(tenant)).statusCode).toBe(201);
    expect((await app.request('POST', `/v1/projects/${first.id}/restore`, { token })).statusCode).toBe(402);
  });

  it('counts the tasks of each project separately', async () => {
    const tenant = await app.signUp();
    await changeTerms(tenant, termsWith({ tasksPerProject: 1 }));
    const [one, two] = [await makeProject(tenant), await makeProject(tenant)].map((it) => it.json() as { id: string });
    expect((await makeTask(tenant, one?.id ?? '')).statusCode).toBe(201);
    expect((await makeTask(tenant, one?.id ?? '')).json()).toMatchObject({
      ...{ resource: 'tasksPerProject', limit: 1, used: 1 },
    });
    expect(await usageOf(tenant, 'tasksPerProject')).toMatchObject({ used: 1, limit: 1 });
    expect((await makeTask(tenant, two?.id ?? '')).statusCode).toBe(201);
  });

  it('is enforced for seats, teams and open invitations', async () => {
    const tenant = await app.signUp();
    const { accessToken: token } = tenant;
    await changeTerms(tenant, termsWith({ teams: 1, seats: 1, openInvitations: 1 }));
    const team = (name: string) => app.request('POST', '/v1/teams', { token, payload: { name } });
    expect((await team('Sales')).statusCode).toBe(201);
    expect((await team('Support')).json()).toMatchObject({
      ...{ status: 402, resource: 'teams', limit: 1, used: 1, plan: 'free', upgradeTo: 'pro' },
    });
    const invite = () => app.request('POST', '/v1/invitations', { token, payload: { role: 'member', maxUses: 5 } });
    const link = (await invite()).json() as { url: string };
    expect((await invite()).json()).toMatchObject({ status: 402, resource: 'openInvitations' });
    const { email, password } = app.body();
    const payload = { token: link.url.split('/').at(-1), personName: 'Bob', email, password };
    const joined = await app.request('POST', '/v1/invitations/accept', { payload });
    expect(joined.json()).toMatchObject({ status: 409, type: '/problems/conflict' });
    expect(joined.body).not.toMatch(/seats|limit|plan|pro\b/);
  });

  it('also excludes the features that the plan does not have', async () => {
    const tenant = await app.signUp();
    const payload = { role: 'member', maxUses: 1, emailDomains: ['acme.example'] };
    const invite = () => app.request('POST', '/v1/invitations', { token: tenant.accessToken, payload });
    expect((await invite()).json()).toMatchObject({
      ...{ status: 402, type: '/problems/feature-not-in-plan', feature: 'invitation-domains', upgradeTo: 'pro' },
      detail: 'The plan free does not include invitations that are limited to e-mail domains. Choose a larger plan.',
    });
    await changeTerms(tenant, catalogue.termsOf('pro', null));
    expect((await invite()).statusCode).toBe(201);
  });

  it('is public, together with the features of each plan', async () => {
    const { data } = (await app.request('GET', '/v1/plans')).json() as {
      data: { plan: string; limits: object; features: string[] }[];
    };
    expect(data.map(({ features }) => features)).toEqual([[], ['invitation-domains'], ['invitation-domains']]);
    expect(data.map(({ plan }) => plan)).toEqual(['free', 'pro', 'enterprise']);
    expect(data[0]?.limits).toMatchObject({ seats: 3, projects: 3, tasksPerProject: 100, apiCallsPerMonth: 10_000 });
  });
});
