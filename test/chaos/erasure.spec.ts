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
import { sweepLater, sweepSoon } from './sweeping';

jest.setTimeout(600_000);

/** The request of an erasure that was interrupted, and its user. */
interface Interrupted {
  readonly userId: string;
  readonly token: string;
  readonly key: string;
}

/** The product is killed at each failpoint of an erasure, as by `kill -9`. */
describe('an erasure that is interrupted by the death of the process', () => {
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

  const appendEvent = async (tenantId: string, event: ReturnType<typeof joined>): Promise<void> => {
    const stream = { tenantId, aggregate: 'tenant', id: tenantId };
    const actor = { kind: 'system' } as const;
    await log.append({
      ...{ stream, actor, expected: 'any', events: [event], commandId: randomUUID(), correlationId: 'test' },
    });
  };

  /** Creates a user who has closed their own tenant and is a member of another one. */
  const createMember = async (url: string): Promise<Interrupted> => {
    const [ada, bob] = [await signUp(url), await signUp(url)];
    await appendEvent(bob.tenant.id, joined(ada.user.id, 'member'));
    await appendEvent(ada.tenant.id, CLOSED);
    const token = ada.accessToken;
    await until(async () => {
      const { companies } = (await (await send(url, 'GET', '/v1/me', token)).json()) as { companies: { id: string }[] };
      return companies.length === 1 && companies[0]?.id === bob.tenant.id;
    }, 30_000);
    return { userId: ada.user.id, token, key: randomUUID() };
  };
  const erase = (url: string, { token, key }: Interrupted) => send(url, 'DELETE', '/v1/me', token, key);

  /**
   * Starts the product, sends an erasure that reaches the failpoint, and checks that the failpoint killed the product.
   */
  const interruptAt = async (failpoint: string): Promise<Interrupted> => {
    rmSync(fired, { force: true });
    await sweepLater(system.owner, 'identity.erasures');
    const env = { NODE_ENV: 'test', TENANTRY_FAILPOINT: failpoint, TENANTRY_FAILPOINT_FILE: fired };
    const product = system.start(env);
    const url = await product.ready();
    const request = await createMember(url);
    await expect(erase(url, request)).rejects.toThrow();
    await product.ended();
    expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
    return request;
  };

  /** The types of the events that erase the user. */
  const eventsOf = async ({ userId }: Interrupted): Promise<string[]> => {
    const { rows } = await system.owner.query<{ type: string }>(
      `select type from event_log.events where type in ('MemberRemoved', 'UserErased')
         and (aggregate_id = $1 or data ->> 'userId' = $1::text) order by position`,
      [userId],
    );
    return rows.map(({ type }) => type);
  };
  const stateOf = async ({ userId }: Interrupted): Promise<string> => {
    const { rows } = await system.owner.query<{ state: string }>('select state from identity.users where id = $1', [
      userId,
    ]);
    return rows[0]?.state ?? 'none';
  };

  it('is completed by the repeated request or by the sweeper, wherever it was interrupted', async () => {
    const [begun, membershipsEnded, userErased, completed] = ERASURE_FAILPOINTS;
    const interrupt = async (failpoint: string, state: string, ...appended: string[]): Promise<Interrupted> => {
      const request = await interruptAt(failpoint);
      expect(await stateOf(request)).toBe(state);
      expect(await eventsOf(request)).toEqual(appended);
      return request;
    };
    const done = await interrupt(completed, 'erased', 'MemberRemoved', 'UserErased');
    const swept = await interrupt(userErased, 'erasing', 'MemberRemoved', 'UserErased');
    const second = await interrupt(membershipsEnded, 'erasing', 'MemberRemoved');
    const repeated = await interrupt(begun, 'erasing');

    await sweepSoon(system.owner, 'identity.erasures');
    const product = system.start();
    const url = await product.ready();
    let answer: Response | undefined;
    // The answer is 409 until the claim of the dead process on the key expires, and 401 if the sweeper was faster.
    await until(async () => {
      answer = await erase(url, repeated);
      return answer.status !== 409;
    }, 60_000);
    expect([204, 401]).toContain(answer?.status);
    for (const one of [done, swept, second, repeated]) {
      await until(async () => (await stateOf(one)) === 'erased', 60_000);
      expect(await eventsOf(one)).toEqual(['MemberRemoved', 'UserErased']);
      expect((await send(url, 'GET', '/v1/me', one.token)).status).toBe(401);
    }
    expect(await product.end('SIGTERM')).toBe(0);
  });
});
