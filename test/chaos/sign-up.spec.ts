import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SIGN_UP_FAILPOINTS } from '#identity/sagas/sign-up';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { sweepLater, sweepSoon } from './sweeping';

const PASSWORD = 'correct horse battery staple';

jest.setTimeout(180_000);

interface CutOff {
  readonly email: string;
  readonly key: string;
}

/** The product is killed at each named point of a sign-up, as `kill -9` would. */
describe('a sign-up that the process did not survive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-failpoints-'));
  const fired = join(folder, 'fired');
  let system: System;
  let people = 0;

  beforeAll(async () => {
    system = await openSystem();
  });

  afterAll(async () => {
    await endAll();
    await system.close();
    rmSync(folder, { recursive: true });
  });

  const post = (url: string, path: string, body: object, key: string = randomUUID()): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': key },
      body: JSON.stringify(body),
    });
  const signUp = (url: string, { email, key }: CutOff): Promise<Response> =>
    post(url, '/v1/signup', { companyName: 'Acme', personName: 'Ada', email, password: PASSWORD }, key);
  const signIn = async (url: string, { email }: CutOff): Promise<number> =>
    (await post(url, '/v1/sessions', { email, password: PASSWORD })).status;

  /** Starts the product, lets a sign-up run into the failpoint, and makes sure that it was this that killed it. */
  const cutOffAt = async (failpoint: string): Promise<CutOff> => {
    const cut = { email: `ada${++people}@acme.example`, key: randomUUID() };
    rmSync(fired, { force: true });
    await sweepLater(system.owner, 'identity.sign_ups');
    const env = { NODE_ENV: 'test', TENANTRY_FAILPOINT: failpoint, TENANTRY_FAILPOINT_FILE: fired };
    const product = system.start(env);
    const url = await product.ready();
    await expect(signUp(url, cut)).rejects.toThrow();
    await product.ended();
    expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
    return cut;
  };

  /** What the log holds of somebody, and of the tenant that they own. */
  const facts = async ({ email }: CutOff): Promise<string[]> => {
    const { rows } = await system.owner.query<{ type: string }>(
      `select e.type from event_log.events e join identity.users p
         on e.aggregate_id = p.id or (e.type = 'TenantCreated' and e.data ->> 'ownerId' = p.id::text)
       where p.email_key = $1 order by e.position`,
      [email],
    );
    return rows.map(({ type }) => type);
  };

  it('is completed by the same request, or by the sweeper, wherever it was interrupted', async () => {
    const [claimed, tenantCreated, userRegistered, completed] = SIGN_UP_FAILPOINTS;
    const repeated: CutOff[] = [];
    const swept: CutOff[] = [];
    const cut = async (failpoint: string, into: CutOff[], ...appended: string[]): Promise<void> => {
      const it = await cutOffAt(failpoint);
      expect(await facts(it)).toEqual(appended);
      into.push(it);
    };
    await cut(claimed, repeated);
    await cut(tenantCreated, repeated, 'TenantCreated');
    await cut(tenantCreated, swept, 'TenantCreated');
    await cut(userRegistered, swept, 'TenantCreated', 'UserRegistered');
    await cut(completed, repeated, 'TenantCreated', 'UserRegistered');

    await sweepSoon(system.owner, 'identity.sign_ups');
    const product = system.start();
    const url = await product.ready();
    for (const one of repeated) {
      let answer: Response | undefined;
      // 409 until the dead process' claim on the key runs out.
      await until(async () => {
        answer = await signUp(url, one);
        return answer.status !== 409;
      }, 60_000);
      expect(answer?.status).toBe(201);
    }
    for (const one of [...swept, ...repeated]) {
      await until(async () => (await signIn(url, one)) === 201, 60_000);
      expect(await facts(one)).toEqual(['TenantCreated', 'UserRegistered']);
    }
    expect(await product.end('SIGTERM')).toBe(0);
  });
});
