import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, send, signUp } from '../e2e/http';
import { endAll } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';

const PASSWORD = 'correct horse battery staple';
/** ms within which every process must know of a change. */
const PROPAGATION_MS = 1_000;

jest.setTimeout(600_000);

interface User {
  readonly id: string;
  readonly token: string;
}

/** Clients of two server processes send conflicting requests at the same time. */
describe('two server processes on one database', () => {
  let system: System;
  let urls: readonly [string, string];
  let counter = 0;

  beforeAll(async () => {
    system = await openSystem();
    const products = [system.start(), system.start()];
    const [one, two] = await Promise.all(products.map((it) => it.ready()));
    urls = [String(one), String(two)];
  });
  afterAll(async () => {
    await endAll();
    await system.close();
  });

  const urlOf = (at: number): string => urls[at % 2 === 0 ? 0 : 1];
  const count = (answers: readonly Answer[], status: number): number =>
    answers.filter((it) => it.status === status).length;
  const range = (length: number): number[] => Array.from({ length }, (_, at) => at);

  const createTenant = async (): Promise<User & { readonly tenantId: string }> => {
    const { token, tenantId } = await signUp(urls[0]);
    const me = await send(urls[0], '/v1/me', { token });
    return { id: me.body.id ?? '', token, tenantId };
  };
  const invite = async (token: string, body: object = {}): Promise<{ id: string; token: string }> => {
    const answer = await send(urls[0], '/v1/invitations', {
      ...{ method: 'POST', token, body: { role: 'member', maxUses: 1, ...body } },
    });
    const { id, url } = answer.body as unknown as { id: string; url: string };
    return { id, token: url.split('/').at(-1) ?? '' };
  };
  /**
   * Accepts an invitation. A 503 is tried again, because a server on a busy machine may refuse some of many requests.
   */
  const accept = async (at: number, token: string): Promise<Answer> => {
    const body = { token, personName: 'Grace', email: `grace${++counter}@acme.example`, password: PASSWORD };
    const request = { method: 'POST', body, headers: { 'idempotency-key': randomUUID() } };
    for (;;) {
      const answer = await send(urlOf(at), '/v1/invitations/accept', request);
      if (answer.status !== 503) return answer;
      await sleep(200);
    }
  };
  const join = async (owner: User, role: string): Promise<User> => {
    const { token } = await invite(owner.token, { role: role === 'owner' ? 'admin' : role });
    const { body } = await accept(0, token);
    const { user, accessToken } = body as unknown as { user: { id: string }; accessToken: string };
    if (role === 'owner') {
      const path = `/v1/members/${user.id}`;
      await send(urls[0], path, { method: 'PATCH', token: owner.token, body: { role } });
    }
    return { id: user.id, token: accessToken };
  };
  const eventsOf = async (tenantId: string, type: string): Promise<number> => {
    const { rows } = await system.owner.query<{ n: number }>(
      'select count(*)::integer as n from event_log.events where tenant_id = $1 and type = $2',
      [tenantId, type],
    );
    return rows[0]?.n ?? 0;
  };

  it('let exactly as many users join as an invitation allows', async () => {
    const owner = await createTenant();
    const { token } = await invite(owner.token, { maxUses: 7 });
    const answers = await Promise.all(range(50).map((at) => accept(at, token)));
    expect([count(answers, 201), count(answers, 404)]).toEqual([7, 43]);
    expect(await eventsOf(owner.tenantId, 'MemberJoined')).toBe(7);
  });

  it('let no user join after the answer to a revocation, even while many requests are in progress', async () => {
    const owner = await createTenant();
    const { id, token } = await invite(owner.token, { maxUses: 1_000 });
    const before = range(12).map((at) => accept(at, token));
    const revoked = await send(urls[0], `/v1/invitations/${id}`, { method: 'DELETE', token: owner.token });
    expect(revoked.status).toBe(204);
    const after = await Promise.all(range(8).map((at) => accept(at, token)));
    expect(count(after, 404)).toBe(8);
    expect(await eventsOf(owner.tenantId, 'MemberJoined')).toBe(count(await Promise.all(before), 201));
  });

  it.each(['leave', 'step down'])('keep one owner if both of two owners %s at the same time', async (what) => {
    for (const round of range(5)) {
      const one = await createTenant();
      const two = await join(one, 'owner');
      const answers = await Promise.all(
        [one, two].map(({ id, token }, at) =>
          what === 'leave'
            ? send(urlOf(at + round), `/v1/members/${id}`, { method: 'DELETE', token })
            : send(urlOf(at + round), `/v1/members/${id}`, { method: 'PATCH', token, body: { role: 'member' } }),
        ),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([what === 'leave' ? 204 : 200, 409]);
    }
  });

  it('execute only one of several changes that expect the same version', async () => {
    const owner = await createTenant();
    const etag = (await send(urls[0], '/v1/tenant', { token: owner.token })).headers.get('etag') ?? '';
    const answers = await Promise.all(
      range(20).map((at) =>
        send(urlOf(at), '/v1/tenant', {
          ...{ method: 'PATCH', token: owner.token, body: { name: `Name ${at}` }, headers: { 'if-match': etag } },
        }),
      ),
    );
    expect([count(answers, 200), count(answers, 412)]).toEqual([1, 19]);
    expect(await eventsOf(owner.tenantId, 'TenantRenamed')).toBe(1);
  });

  it('execute a request once that arrives fifty times with the same idempotency key', async () => {
    const owner = await createTenant();
    const headers = { 'idempotency-key': randomUUID() };
    const create = (at: number): Promise<Answer> =>
      send(urlOf(at), '/v1/projects', { method: 'POST', token: owner.token, body: { name: 'Website' }, headers });
    const answers = await Promise.all(range(50).map(create));
    expect(count(answers, 201) + count(answers, 409)).toBe(50);
    expect(count(answers, 201)).toBeGreaterThanOrEqual(1);
    const last = await create(0);
    const made = [...answers.filter(({ status }) => status === 201), last].map(({ body }) => body.id);
    expect(new Set(made).size).toBe(1);
    expect(await eventsOf(owner.tenantId, 'ProjectCreated')).toBe(1);
  });

  it('refuse a removed member, and one whose role is too low now, in both processes', async () => {
    const owner = await createTenant();
    const [removed, demoted] = [await join(owner, 'member'), await join(owner, 'admin')];
    const reads = (user: User): Promise<Answer> => send(urls[1], '/v1/projects', { token: user.token });
    const writes = (): Promise<Answer> =>
      send(urls[1], '/v1/teams', { method: 'POST', token: demoted.token, body: { name: `Team ${++counter}` } });
    // The other process has both members in its cache now.
    expect([(await reads(removed)).status, (await writes()).status]).toEqual([200, 201]);
    await send(urls[0], `/v1/members/${removed.id}`, { method: 'DELETE', token: owner.token });
    await send(urls[0], `/v1/members/${demoted.id}`, { method: 'PATCH', token: owner.token, body: { role: 'member' } });
    await sleep(PROPAGATION_MS);
    expect([(await reads(removed)).status, (await writes()).status]).toEqual([401, 403]);
  });

  it('refuse a session that was ended on the other one', async () => {
    const owner = await createTenant();
    const me = (): Promise<Answer> => send(urls[1], '/v1/me', { token: owner.token });
    expect((await me()).status).toBe(200);
    expect((await send(urls[0], '/v1/sessions/current', { method: 'DELETE', token: owner.token })).status).toBe(204);
    await sleep(PROPAGATION_MS);
    expect((await me()).status).toBe(401);
  });
});
