import { randomUUID } from 'node:crypto';
import { timeOfUuidv7, uuidv7 } from '#platform/ids/uuid';
import { joined } from '#test/support/facts';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { comparableAnswer, createTenantWithMembers, type Tenant } from '#test/support/tenant';

const URL = '/v1/tenant';
const DAY_MS = 86_400_000;

describe('the tenant', () => {
  let identity: IdentityApp;
  let acme: Tenant;
  beforeAll(async () => {
    identity = await createIdentityApp();
  });
  beforeEach(async () => {
    acme = await createTenantWithMembers(identity);
  });
  afterAll(() => identity.close());

  const roles = async (): Promise<Record<string, string>> => {
    const { data } = (await acme.member.get('/v1/members')).json() as { data: { userId: string; role: string }[] };
    return Object.fromEntries(data.map(({ userId, role }) => [userId, role]));
  };
  const types = async (): Promise<string[]> =>
    (await identity.log.readAll({ after: 0n, limit: 10_000, tenantId: acme.id })).events.map(({ type }) => type);

  it('can be read by its members, and not by auditors', async () => {
    const shown = await acme.member.get(URL);
    expect(shown.json()).toEqual({
      id: acme.id,
      name: 'Acme',
      slug: expect.stringMatching(/^acme/),
      plan: 'free',
      ...{ lock: 'none', lockReason: null, lockedSince: null },
      limits: expect.arrayContaining([
        { resource: 'seats', used: 4, limit: null, period: null, periodEnd: null, projectedExhaustion: null },
      ]),
      createdAt: new Date(timeOfUuidv7(acme.id)).toISOString(),
    });
    expect((await acme.auditor.get(URL)).json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
  });

  it('can be renamed only by admins and owners', async () => {
    const renamed = await acme.admin.send('PATCH', URL, { name: 'Acme Ltd' });
    expect([renamed.statusCode, renamed.json()]).toEqual([200, expect.objectContaining({ name: 'Acme Ltd' })]);
    expect((await acme.member.get(URL)).json()).toEqual(renamed.json());
    for (const role of ['member', 'auditor'] as const)
      expect((await acme[role].send('PATCH', URL, { name: 'Mine' })).statusCode).toBe(403);
  });

  it('is renamed and closed only in the expected version of its name, whatever else has happened since', async () => {
    const expected = { 'if-match': String((await acme.admin.get(URL)).headers['etag']) };
    await acme.admin.send('POST', '/v1/teams', { name: 'Sales' });
    await identity.appendEvents(acme.id, joined(uuidv7(), 'member'));
    const renamed = await acme.admin.send('PATCH', URL, { name: 'Acme Ltd' }, expected);
    expect(renamed.statusCode).toBe(200);
    expect((await acme.member.get(URL)).headers['etag']).toBe(renamed.headers['etag']);
    const late = await acme.admin.send('PATCH', URL, { name: 'Acme Inc' }, expected);
    expect(late.json()).toMatchObject({ status: 412, type: '/problems/precondition-failed' });
    const closing = await acme.owner.send('DELETE', URL, { confirmName: 'Acme Ltd' }, expected);
    expect(closing.json()).toMatchObject({ status: 412, type: '/problems/precondition-failed' });
  });

  describe('with an ownership that is transferred', () => {
    const transfer = (role: 'owner' | 'admin' | 'member' | 'auditor', userId: string, headers = {}) =>
      acme[role].send('POST', `${URL}/transfer`, { userId }, headers);

    it.each(['admin', 'member', 'auditor'] as const)(
      'to a member with the role %s has this member as its owner',
      async (role) => {
        const answer = await transfer('owner', acme[role].id);
        expect([answer.statusCode, answer.body]).toEqual([204, '']);
        expect(await roles()).toMatchObject({ [acme[role].id]: 'owner', [acme.owner.id]: 'admin' });
        expect((await transfer('owner', acme.member.id)).statusCode).toBe(403);
      },
    );

    it('by a member who is not an owner answers 403', async () => {
      for (const role of ['admin', 'member', 'auditor'] as const)
        for (const userId of [acme[role].id, acme.owner.id, uuidv7()])
          expect((await transfer(role, userId)).json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
    });

    it('to the sender answers 409', async () => {
      expect((await transfer('owner', acme.owner.id)).json()).toMatchObject({ status: 409 });
    });

    it('to a user of another tenant answers 404, like an unknown id', async () => {
      const other = await createTenantWithMembers(identity);
      const answer = comparableAnswer(await transfer('owner', other.owner.id));
      expect(answer).toMatchObject({ statusCode: 404, type: '/problems/not-found' });
      expect(comparableAnswer(await transfer('owner', uuidv7()))).toEqual(answer);
      expect(await types()).not.toContain('OwnershipTransferred');
    });

    it('twice at the same time has one of the two as its owner', async () => {
      const answers = await Promise.all([transfer('owner', acme.admin.id), transfer('owner', acme.member.id)]);
      expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([204, 403]);
      expect(Object.values(await roles()).filter((role) => role === 'owner').length).toBe(1);
    });

    it.each([
      ['no user id', {}, '/userId'],
      ['a malformed user id', { userId: 'me' }, '/userId'],
      ['an unknown field', { userId: uuidv7(), role: 'owner' }, '/role'],
    ])('with %s answers 400', async (_, body, pointer) => {
      const answer = await acme.owner.send('POST', `${URL}/transfer`, body);
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
    });
  });

  describe('that is closed', () => {
    const close = (role: 'owner' | 'admin' | 'member' | 'auditor', confirmName = 'Acme') =>
      acme[role].send('DELETE', URL, { confirmName });

    it('by an owner refuses all members, and is kept for the configured number of days', async () => {
      const before = Date.now();
      const answer = await close('owner');
      expect([answer.statusCode, answer.json()]).toEqual([200, { id: acme.id, eraseAfter: expect.any(String) }]);
      const wait = Date.parse(answer.json().eraseAfter) - 30 * DAY_MS;
      expect(wait).toBeGreaterThanOrEqual(before);
      expect(wait).toBeLessThanOrEqual(Date.now());
      for (const role of ['owner', 'admin', 'member', 'auditor'] as const) {
        expect((await acme[role].get(URL)).statusCode).toBe(401);
        expect((await acme[role].send('POST', '/v1/projects', { name: 'Late' })).statusCode).toBe(401);
      }
    });

    it('is no longer listed among the tenants of its members', async () => {
      const { accessToken, tenant, sent } = await identity.signUp();
      const payload = { confirmName: 'Acme' };
      expect((await identity.request('DELETE', URL, { token: accessToken, payload })).statusCode).toBe(200);
      expect((await identity.get('/v1/me', accessToken)).json().companies).toEqual([]);
      const signIn = await identity.post('/v1/sessions', { ...sent, tenantId: tenant.id });
      expect(signIn.statusCode).not.toBe(201);
    });

    it('requires its present name', async () => {
      await acme.owner.send('PATCH', URL, { name: 'Déjà vu' });
      for (const name of ['Acme', 'déjà vu'])
        expect((await close('owner', name)).json()).toMatchObject({ status: 409, type: '/problems/conflict' });
      expect((await close('owner', 'Déjà vu'.normalize('NFD'))).statusCode).toBe(200);
    });

    it.each([
      ['no name', {}, '/confirmName'],
      ['an unknown field', { confirmName: 'Acme', eraseAfter: '2020-01-01T00:00:00.000Z' }, '/eraseAfter'],
    ])('with %s answers 400', async (_, body, pointer) => {
      const answer = await acme.owner.send('DELETE', URL, body);
      expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer }] });
    });

    it('without a body answers 400', async () => {
      expect((await acme.owner.send('DELETE', URL)).statusCode).toBe(400);
    });

    it('by a member who is not an owner answers 403', async () => {
      for (const role of ['admin', 'member', 'auditor'] as const)
        expect((await close(role)).json()).toMatchObject({ status: 403, type: '/problems/forbidden' });
      expect(await types()).not.toContain('TenantClosed');
    });
  });

  it.each([
    ['PATCH', URL, { name: 'Acme Ltd' }, 'TenantRenamed'],
    ['POST', `${URL}/transfer`, undefined, 'OwnershipTransferred'],
    ['DELETE', URL, { confirmName: 'Acme' }, 'TenantClosed'],
  ] as const)(
    'executes %s %s once for ten concurrent requests with one idempotency key',
    async (method, url, body, type) => {
      const key = { 'idempotency-key': randomUUID() };
      const payload = body ?? { userId: acme.member.id };
      const answers = await Promise.all(Array.from({ length: 10 }, () => acme.owner.send(method, url, payload, key)));
      expect(answers.filter(({ statusCode }) => statusCode < 300).length).toBeGreaterThanOrEqual(1);
      expect((await types()).filter((it) => it === type)).toEqual([type]);
    },
  );
});
