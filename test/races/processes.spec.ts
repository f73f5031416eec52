import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Asked, ask, signUp } from '../e2e/http';
import { endAll } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';

const PASSWORD = 'correct horse battery staple';
/** ms in which every process has to know of a change. */
const KNOWN_MS = 1_000;

jest.setTimeout(120_000);

interface User {
  readonly id: string;
  readonly token: string;
}

/** What clients of two server processes can do to each other, at the same time. */
describe('two server processes on one database', () => {
  let system: System;
  let urls: readonly [string, string];
  let people = 0;

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

  const by = (at: number): string => urls[at % 2 === 0 ? 0 : 1];
  const count = (answers: readonly Asked[], status: number): number =>
    answers.filter((it) => it.status === status).length;
  const upTo = (length: number): number[] => Array.from({ length }, (_, at) => at);

  const found = async (): Promise<User & { readonly tenantId: string }> => {
    const { token, tenantId } = await signUp(urls[0]);
    const me = await ask(urls[0], '/v1/me', { token });
    return { id: me.body.id ?? '', token, tenantId };
  };
  const invite = async (token: string, body: object = {}): Promise<{ id: string; token: string }> => {
    const answer = await ask(urls[0], '/v1/invitations', {
      ...{ method: 'POST', token, body: { role: 'member', maxUses: 1, ...body } },
    });
    const { id, url } = answer.body as unknown as { id: string; url: string };
    return { id, token: url.split('/').at(-1) ?? '' };
  };
  /** Asks again while the server is too busy: a busy machine may shed some of many requests. */
  const accept = async (at: number, token: string): Promise<Asked> => {
    const body = { token, personName: 'Grace', email: `grace${++people}@acme.example`, password: PASSWORD };
    const request = { method: 'POST', body, headers: { 'idempotency-key': randomUUID() } };
    for (;;) {
      const answer = await ask(by(at), '/v1/invitations/accept', request);
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
      await ask(urls[0], path, { method: 'PATCH', token: owner.token, body: { role } });
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

  it('let exactly so many join as an invitation says', async () => {
    const owner = await found();
    const { token } = await invite(owner.token, { maxUses: 7 });
    const answers = await Promise.all(upTo(50).map((at) => accept(at, token)));
    expect([count(answers, 201), count(answers, 404)]).toEqual([7, 43]);
    expect(await eventsOf(owner.tenantId, 'MemberJoined')).toBe(7);
  });

  it('let nobody join once a revocation was answered, while many are on their way', async () => {
    const owner = await found();
    const { id, token } = await invite(owner.token, { maxUses: 1_000 });
    const before = upTo(12).map((at) => accept(at, token));
    const revoked = await ask(urls[0], `/v1/invitations/${id}`, { method: 'DELETE', token: owner.token });
    expect(revoked.status).toBe(204);
    const after = await Promise.all(upTo(8).map((at) => accept(at, token)));
    expect(count(after, 404)).toBe(8);
    expect(await eventsOf(owner.tenantId, 'MemberJoined')).toBe(count(await Promise.all(before), 201));
  });

  it.each(['leave', 'step down'])('keep an owner where both of two %s at once', async (what) => {
    for (const round of upTo(5)) {
      const one = await found();
      const two = await join(one, 'owner');
      const answers = await Promise.all(
        [one, two].map(({ id, token }, at) =>
          what === 'leave'
            ? ask(by(at + round), `/v1/members/${id}`, { method: 'DELETE', token })
            : ask(by(at + round), `/v1/members/${id}`, { method: 'PATCH', token, body: { role: 'member' } }),
        ),
      );
      expect(answers.map(({ status }) => status).sort()).toEqual([what === 'leave' ? 204 : 200, 409]);
    }
  });

  it('carry out one of the changes that insist on the same version', async () => {
    const owner = await found();
    const etag = (await ask(urls[0], '/v1/tenant', { token: owner.token })).headers.get('etag') ?? '';
    const answers = await Promise.all(
      upTo(20).map((at) =>
        ask(by(at), '/v1/tenant', {
          ...{ method: 'PATCH', token: owner.token, body: { name: `Name ${at}` }, headers: { 'if-match': etag } },
        }),
      ),
    );
    expect([count(answers, 200), count(answers, 412)]).toEqual([1, 19]);
    expect(await eventsOf(owner.tenantId, 'TenantRenamed')).toBe(1);
  });

  it('carry out one request that comes fifty times with its key', async () => {
    const owner = await found();
    const headers = { 'idempotency-key': randomUUID() };
    const create = (at: number): Promise<Asked> =>
      ask(by(at), '/v1/projects', { method: 'POST', token: owner.token, body: { name: 'Website' }, headers });
    const answers = await Promise.all(upTo(50).map(create));
    expect(count(answers, 201) + count(answers, 409)).toBe(50);
    expect(count(answers, 201)).toBeGreaterThanOrEqual(1);
    const last = await create(0);
    const made = [...answers.filter(({ status }) => status === 201), last].map(({ body }) => body.id);
    expect(new Set(made).size).toBe(1);
    expect(await eventsOf(owner.tenantId, 'ProjectCreated')).toBe(1);
  });

  it('refuse a removed member, and one whose role is too low now, wherever they ask', async () => {
    const owner = await found();
    const [gone, lowered] = [await join(owner, 'member'), await join(owner, 'admin')];
    const reads = (who: User): Promise<Asked> => ask(urls[1], '/v1/projects', { token: who.token });
    const writes = (): Promise<Asked> =>
      ask(urls[1], '/v1/teams', { method: 'POST', token: lowered.token, body: { name: `Team ${++people}` } });
    // Known to the other process.
    expect([(await reads(gone)).status, (await writes()).status]).toEqual([200, 201]);
    await ask(urls[0], `/v1/members/${gone.id}`, { method: 'DELETE', token: owner.token });
    await ask(urls[0], `/v1/members/${lowered.id}`, { method: 'PATCH', token: owner.token, body: { role: 'member' } });
    await sleep(KNOWN_MS);
    expect([(await reads(gone)).status, (await writes()).status]).toEqual([401, 403]);
  });

  it('refuse a session that was ended on the other one', async () => {
    const owner = await found();
    const me = (): Promise<Asked> => ask(urls[1], '/v1/me', { token: owner.token });
    expect((await me()).status).toBe(200);
    expect((await ask(urls[0], '/v1/sessions/current', { method: 'DELETE', token: owner.token })).status).toBe(204);
    await sleep(KNOWN_MS);
    expect((await me()).status).toBe(401);
  });
});
