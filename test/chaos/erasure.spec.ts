import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventLog } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { ERASURE_FAILPOINTS } from '#identity/sagas/erasure';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { CLOSED, joined } from '../support/facts';

jest.setTimeout(180_000);

interface CutOff {
  readonly userId: string;
  readonly token: string;
  readonly key: string;
}

/** The product is killed at each named point of an erasure, as `kill -9` would. */
describe('an erasure that the process did not survive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-failpoints-'));
  const fired = join(folder, 'fired');
  let system: System;
  let log: EventLog;

  beforeAll(async () => {
    system = await openSystem();
    log = createPostgresEventLog({ connectionString: system.databaseUrl });
  });
  afterAll(async () => {
    await endAll();
    await log.close();
    await system.close();
    rmSync(folder, { recursive: true });
  });

  const send = (url: string, method: string, path: string, token: string, key: string = randomUUID()) =>
    fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${token}`, 'idempotency-key': key } });

  const signUp = async (url: string) => {
    const answer = await fetch(`${url}/v1/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        ...{ companyName: 'Acme', personName: 'Ada', password: 'correct horse battery staple' },
        email: `${randomUUID()}@acme.example`,
      }),
    });
    return (await answer.json()) as { user: { id: string }; tenant: { id: string }; accessToken: string };
  };

  const happen = async (tenantId: string, event: ReturnType<typeof joined>): Promise<void> => {
    const stream = { tenantId, aggregate: 'tenant', id: tenantId };
    const actor = { kind: 'system' } as const;
    await log.append({
      ...{ stream, actor, expected: 'any', events: [event], commandId: randomUUID(), correlationId: 'test' },
    });
  };

  /** Somebody who belongs to another's tenant, and has closed their own. */
  const arrive = async (url: string): Promise<CutOff> => {
    const [ada, bob] = [await signUp(url), await signUp(url)];
    await happen(bob.tenant.id, joined(ada.user.id, 'member'));
    await happen(ada.tenant.id, CLOSED);
    const token = ada.accessToken;
    await until(async () => {
      const { companies } = (await (await send(url, 'GET', '/v1/me', token)).json()) as { companies: { id: string }[] };
      return companies.length === 1 && companies[0]?.id === bob.tenant.id;
    }, 30_000);
    return { userId: ada.user.id, token, key: randomUUID() };
  };
  const erase = (url: string, { token, key }: CutOff) => send(url, 'DELETE', '/v1/me', token, key);

  /** Starts the product, lets an erasure run into the failpoint, and makes sure that it was this that killed it. */
  const cutOffAt = async (failpoint: string): Promise<CutOff> => {
    rmSync(fired, { force: true });
    const env = { NODE_ENV: 'test', TENANTRY_FAILPOINT: failpoint, TENANTRY_FAILPOINT_FILE: fired };
    const product = system.start(env);
    const url = await product.ready();
    const cut = await arrive(url);
    await expect(erase(url, cut)).rejects.toThrow();
    await product.ended();
    expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
    return cut;
  };

  const facts = async ({ userId }: CutOff): Promise<string[]> => {
    const { rows } = await system.owner.query<{ type: string }>(
      `select type from event_log.events where type in ('MemberRemoved', 'UserErased')
         and (aggregate_id = $1 or data ->> 'userId' = $1::text) order by position`,
      [userId],
    );
    return rows.map(({ type }) => type);
  };
  const stateOf = async ({ userId }: CutOff): Promise<string> => {
    const { rows } = await system.owner.query<{ state: string }>('select state from identity.users where id = $1', [
      userId,
    ]);
    return rows[0]?.state ?? 'none';
  };

  it('is completed by the same request, or by the sweeper, wherever it was interrupted', async () => {
    const [begun, membershipsEnded, userErased, completed] = ERASURE_FAILPOINTS;
    const cut = async (failpoint: string, state: string, ...appended: string[]): Promise<CutOff> => {
      const it = await cutOffAt(failpoint);
      expect(await stateOf(it)).toBe(state);
      expect(await facts(it)).toEqual(appended);
      return it;
    };
    // The last first: the sweeper takes what has been left for a while, also while the others are interrupted.
    const done = await cut(completed, 'erased', 'MemberRemoved', 'UserErased');
    const swept = await cut(userErased, 'erasing', 'MemberRemoved', 'UserErased');
    const second = await cut(membershipsEnded, 'erasing', 'MemberRemoved');
    const repeated = await cut(begun, 'erasing');

    const product = system.start();
    const url = await product.ready();
    let answer: Response | undefined;
    // 409 until the dead process' claim on the key runs out; 401 where the sweeper was there first.
    await until(async () => {
      answer = await erase(url, repeated);
      return answer.status !== 409;
    }, 60_000);
    expect([204, 401]).toContain(answer?.status);
    for (const one of [done, swept, second, repeated]) {
      await until(async () => (await stateOf(one)) === 'erased', 60_000);
      expect(await facts(one)).toEqual(['MemberRemoved', 'UserErased']);
      expect((await send(url, 'GET', '/v1/me', one.token)).status).toBe(401);
    }
    expect(await product.end('SIGTERM')).toBe(0);
  });
});
