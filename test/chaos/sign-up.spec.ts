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

/** The request of a sign-up that was interrupted. */
interface Interrupted {
  readonly email: string;
  readonly key: string;
}

/** The product is killed at each failpoint of a sign-up, as by `kill -9`. */
describe('a sign-up that is interrupted by the death of the process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-failpoints-'));
  const fired = join(folder, 'fired');
  let system: System;
  let counter = 0;

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
  const signUp = (url: string, { email, key }: Interrupted): Promise<Response> =>
    post(url, '/v1/signup', { companyName: 'Acme', personName: 'Ada', email, password: PASSWORD }, key);
  const signIn = async (url: string, { email }: Interrupted): Promise<number> =>
    (await post(url, '/v1/sessions', { email, password: PASSWORD })).status;

  /**
   * Starts the product, sends a sign-up that reaches the failpoint, and checks that the failpoint killed the product.
   */
  const interruptAt = async (failpoint: string): Promise<Interrupted> => {
    const request = { email: `ada${++counter}@acme.example`, key: randomUUID() };
    rmSync(fired, { force: true });
    await sweepLater(system.owner, 'identity.sign_ups');
    const env = { NODE_ENV: 'test', TENANTRY_FAILPOINT: failpoint, TENANTRY_FAILPOINT_FILE: fired };
    const product = system.start(env);
    const url = await product.ready();
    await expect(signUp(url, request)).rejects.toThrow();
    await product.ended();
    expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
    return request;
  };

  /** The types of the events of the user and of the tenant that they own. */
  const eventsOf = async ({ email }: Interrupted): Promise<string[]> => {
    const { rows } = await system.owner.query<{ type: string }>(
      `select e.type from event_log.events e join identity.users p
         on e.aggregate_id = p.id or (e.type = 'TenantCreated' and e.data ->> 'ownerId' = p.id::text)
       where p.email_key = $1 order by e.position`,
      [email],
    );
    return rows.map(({ type }) => type);
  };

  it('is completed by the repeated request or by the sweeper, wherever it was interrupted', async () => {
    const [claimed, tenantCreated, userRegistered, completed] = SIGN_UP_FAILPOINTS;
    const repeated: Interrupted[] = [];
    const swept: Interrupted[] = [];
    const interrupt = async (failpoint: string, list: Interrupted[], ...appended: string[]): Promise<void> => {
      const request = await interruptAt(failpoint);
      expect(await eventsOf(request)).toEqual(appended);
      list.push(request);
    };
    await interrupt(claimed, repeated);
    await interrupt(tenantCreated, repeated, 'TenantCreated');
    await interrupt(tenantCreated, swept, 'TenantCreated');
    await interrupt(userRegistered, swept, 'TenantCreated', 'UserRegistered');
    await interrupt(completed, repeated, 'TenantCreated', 'UserRegistered');

    await sweepSoon(system.owner, 'identity.sign_ups');
    const product = system.start();
    const url = await product.ready();
    for (const one of repeated) {
      let answer: Response | undefined;
      // The answer is 409 until the claim of the dead process on the key expires.
      await until(async () => {
        answer = await signUp(url, one);
        return answer.status !== 409;
      }, 60_000);
      expect(answer?.status).toBe(201);
    }
    for (const one of [...swept, ...repeated]) {
      await until(async () => (await signIn(url, one)) === 201, 60_000);
      expect(await eventsOf(one)).toEqual(['TenantCreated', 'UserRegistered']);
    }
    expect(await product.end('SIGTERM')).toBe(0);
  });
});
