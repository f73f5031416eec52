import type { PlanLimits } from '#domain/limits';
import type { Terms } from '#domain/tenant/billing-events';
import { createCatalogue, FOUNDING_TERMS } from '#plans/catalogue/index';
import { RESERVED_SECONDS } from '#plans/reservations';
import { uuidv7 } from '#platform/ids/uuid';
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

  it('is the larger one from the next request after an upgrade', async () => {
    const tenant = await app.signUp();
    for (let at = 0; at < 3; at++) await makeProject(tenant);
    expect((await makeProject(tenant)).statusCode).toBe(402);
    await changeTerms(tenant, catalogue.termsOf('pro', null));
    expect((await makeProject(tenant)).statusCode).toBe(201);
  });

  it('that became smaller deletes nothing: projects beyond it can be read and archived, and not changed', async () => {
    const tenant = await app.signUp();
    const { accessToken: token } = tenant;
    await changeTerms(tenant, catalogue.termsOf('pro', null));
    const ids: string[] = [];
    for (let at = 0; at < 5; at++) ids.push(((await makeProject(tenant)).json() as { id: string }).id);
    await changeTerms(tenant, FOUNDING_TERMS);
    const [oldest = '', , , beyond = '', last = ''] = ids;
    expect((await makeTask(tenant, oldest)).statusCode).toBe(201);
    expect((await makeTask(tenant, beyond)).statusCode).toBe(402);
    const rename = (id: string) => app.request('PATCH', `/v1/projects/${id}`, { token, payload: { name: 'Shop' } });
    const refused = await rename(beyond);
    expect([refused.statusCode, refused.json()]).toEqual([402, expect.objectContaining({ used: ids.length })]);
    expect((await makeProject(tenant)).json()).toMatchObject({ used: ids.length });
    expect((await rename(oldest)).statusCode).toBe(200);
    expect((await app.get(`/v1/projects/${beyond}`, token)).statusCode).toBe(200);
    expect((await makeProject(tenant)).statusCode).toBe(402);
    for (const id of [oldest, last])
      expect((await app.request('DELETE', `/v1/projects/${id}`, { token })).statusCode).toBe(200);
    expect((await rename(beyond)).statusCode).toBe(200);
    expect((await rename(uuidv7())).statusCode).toBe(404);
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

  it('can be read while the tenant is suspended', async () => {
    const tenant = await app.signUp();
    const since = '2026-01-02T03:04:05.678Z';
    await app.appendEvents(tenant.tenant.id, {
      type: 'WorkspaceLocked',
      data: { reason: 'payment-failed', since, suspendAt: since },
    });
    await app.appendEvents(tenant.tenant.id, { type: 'WorkspaceSuspended', data: { since } });
    expect((await app.get('/v1/tenant', tenant.accessToken)).statusCode).toBe(402);
    expect(await usageOf(tenant, 'projects')).toMatchObject({ used: 0 });
  });

  it('is not used up by overdue reservations of killed processes', async () => {
    const tenant = await app.signUp();
    const tenantId = tenant.tenant.id;
    await changeTerms(tenant, termsWith({ projects: 2 }));
    const reserveAsKilledProcess = (commandId: string, unitId: string) =>
      app.owner.query(
        `insert into plans.reservations (tenant_id, command_id, resource, scope_id, unit_id, expires_at, overdue_at)
         values ($1, $2, 'projects', $1, $3, now() - interval '1 second', lease.now() - interval '1 second')`,
        [tenantId, commandId, unitId],
      );
    await reserveAsKilledProcess(uuidv7(), uuidv7());
    await reserveAsKilledProcess(uuidv7(), uuidv7());
    expect((await makeProject(tenant)).statusCode).toBe(201);
    expect((await makeProject(tenant)).statusCode).toBe(201);
    expect((await makeProject(tenant)).statusCode).toBe(402);
    expect(RESERVED_SECONDS).toBeLessThan(60);
  });

  it('does not refuse the repeat of a request whose answer was lost', async () => {
    const tenant = await app.signUp();
    const key = uuidv7();
    const create = (idempotencyKey: string) =>
      app.request('POST', '/v1/projects', {
        ...{ token: tenant.accessToken, payload: { name: 'Website' } },
        headers: { 'idempotency-key': idempotencyKey },
      });
    await makeProject(tenant);
    await makeProject(tenant);
    const first = await create(key);
    expect(first.statusCode).toBe(201);
    await app.settled();
    // The state that a process leaves if it is killed between the append and the answer.
    await app.owner.query(
      `update idempotency.keys set status = null, answer = null, leased_until = '-infinity' where tenant_id = $1 and command_id in (
         select command_id from event_log.events where aggregate_id = $2)`,
      [tenant.tenant.id, (first.json() as { id: string }).id],
    );
    const again = await create(key);
    expect([again.statusCode, again.json()]).toEqual([201, first.json()]);
    expect((await create(uuidv7())).statusCode).toBe(402);
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
