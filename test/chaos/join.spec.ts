import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JOIN_FAILPOINTS } from '#identity/sagas/join';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { sweepLater, sweepSoon } from './sweeping';

const PASSWORD = 'correct horse battery staple';

jest.setTimeout(180_000);

/** The request of a join that was interrupted. */
interface Interrupted {
  readonly email: string;
  readonly key: string;
  readonly token: string;
}

/** The product is killed at each failpoint of a join, as by `kill -9`. */
describe('a new user whose join is interrupted by the death of the process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-failpoints-'));
  const fired = join(folder, 'fired');
  let system: System;
  let owner: string;
  let counter = 0;

  const post = (url: string, path: string, body: object, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const tokenOf = async (url: string): Promise<string> => {
    const invited = await post(
      url,
      '/v1/invitations',
      { role: 'member', maxUses: 1 },
      { authorization: `Bearer ${owner}` },
    );
    return new URL(((await invited.json()) as { url: string }).url).pathname.split('/').at(-1) ?? '';
  };
  const accept = (url: string, { email, key, token }: Interrupted): Promise<Response> =>
    post(
      url,
      '/v1/invitations/accept',
      { token, personName: 'Grace', email, password: PASSWORD },
      { 'idempotency-key': key },
    );
  const signIn = async (url: string, { email }: Interrupted): Promise<number> =>
    (await post(url, '/v1/sessions', { email, password: PASSWORD })).status;

  beforeAll(async () => {
    system = await openSystem();
    const product = system.start();
    const url = await product.ready();
    const body = { companyName: 'Acme', personName: 'Ada', email: 'ada@acme.example', password: PASSWORD };
    owner = ((await (await post(url, '/v1/signup', body)).json()) as { accessToken: string }).accessToken;
    await product.end('SIGTERM');
  });

  afterAll(async () => {
    await endAll();
    await system.close();
    rmSync(folder, { recursive: true });
  });

  /** Starts the product, sends a join that reaches the failpoint, and checks that the failpoint killed the product. */
  const interruptAt = async (failpoint: string): Promise<Interrupted> => {
    rmSync(fired, { force: true });
    await sweepLater(system.owner, 'identity.joins');
    const env = { NODE_ENV: 'test', TENANTRY_FAILPOINT: failpoint, TENANTRY_FAILPOINT_FILE: fired };
    const product = system.start(env);
    const url = await product.ready();
    const request = { email: `grace${++counter}@acme.example`, key: randomUUID(), token: await tokenOf(url) };
    await expect(accept(url, request)).rejects.toThrow();
    await product.ended();
    expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
    return request;
  };

  /** The types of the events of the user. */
  const eventsOf = async ({ email }: Interrupted): Promise<string[]> => {
    const { rows } = await system.owner.query<{ type: string }>(
      `select e.type from event_log.events e join identity.users p
         on e.aggregate_id = p.id or (e.type = 'MemberJoined' and e.data ->> 'userId' = p.id::text)
       where p.email_key = $1 order by e.position`,
      [email],
    );
    return rows.map(({ type }) => type);
  };

  it('becomes a member once, by the repeated request or by the sweeper, wherever the join was interrupted', async () => {
    const [claimed, joined, registered, completed] = JOIN_FAILPOINTS;
    const repeated: Interrupted[] = [];
    const swept: Interrupted[] = [];
    const interrupt = async (failpoint: string, list: Interrupted[], ...appended: string[]): Promise<void> => {
      const request = await interruptAt(failpoint);
      expect(await eventsOf(request)).toEqual(appended);
      list.push(request);
    };
    await interrupt(claimed, repeated);
    await interrupt(joined, repeated, 'MemberJoined');
    await interrupt(joined, swept, 'MemberJoined');
    await interrupt(registered, swept, 'MemberJoined', 'UserRegistered');
    await interrupt(completed, repeated, 'MemberJoined', 'UserRegistered');

    await sweepSoon(system.owner, 'identity.joins');
    const product = system.start();
    const url = await product.ready();
    for (const one of repeated) {
      let answer: Response | undefined;
      // The answer is 409 until the claim of the dead process on the key expires.
      await until(async () => {
        answer = await accept(url, one);
        return answer.status !== 409;
      }, 60_000);
      expect(answer?.status).toBe(201);
    }
    for (const one of [...swept, ...repeated]) {
      await until(async () => (await signIn(url, one)) === 201, 60_000);
      expect(await eventsOf(one)).toEqual(['MemberJoined', 'UserRegistered']);
    }
    expect(await product.end('SIGTERM')).toBe(0);
  });
});
