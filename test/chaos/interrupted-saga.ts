import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endAll, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { type SweptTable, sweepLater, sweepSoon } from './sweeping';

export const PASSWORD = 'correct horse battery staple';

/** The request that starts a saga for a new user. */
export interface SagaRequest {
  readonly email: string;
  /** The idempotency key, so that the request can be repeated. */
  readonly key: string;
}

interface SagaOptions<Request extends SagaRequest> {
  readonly table: SweptTable;
  /** The event of the tenant, and the field of it that names the user. */
  readonly tenantEvent: readonly [type: string, userField: string];
  /** Makes a request that was not sent before. */
  readonly newRequest: (url: string) => Promise<Request>;
  readonly send: (url: string, request: Request) => Promise<Response>;
}

/** Sends a POST request with a body of JSON. */
export const post = (
  url: string,
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Response> =>
  fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

/** Kills the product at failpoints of a saga, as by `kill -9`, and lets it complete what it left. */
export const openInterruptedSaga = async <Request extends SagaRequest>(options: SagaOptions<Request>) => {
  const { table, newRequest, send, tenantEvent } = options;
  const [type, userField] = tenantEvent;
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-failpoints-'));
  const fired = join(folder, 'fired');
  const system: System = await openSystem();

  /** The types of the events that the saga has appended for the user. */
  const eventsOf = async ({ email }: SagaRequest): Promise<string[]> => {
    const { rows } = await system.owner.query<{ type: string }>(
      `select e.type from event_log.events e join identity.users p
         on e.aggregate_id = p.id or (e.type = $2 and e.data ->> $3 = p.id::text)
       where p.email_key = $1 order by e.position`,
      [email, type, userField],
    );
    return rows.map((row) => row.type);
  };

  const signIn = async (url: string, { email }: SagaRequest): Promise<number> =>
    (await post(url, '/v1/sessions', { email, password: PASSWORD }, { 'idempotency-key': randomUUID() })).status;

  return {
    system,

    /** Starts the product, sends a request that reaches the failpoint, and checks that the failpoint killed it. */
    interruptAt: async (failpoint: string, ...appended: string[]): Promise<Request> => {
      rmSync(fired, { force: true });
      await sweepLater(system.owner, table);
      const env = { NODE_ENV: 'test', TENANTRY_FAILPOINT: failpoint, TENANTRY_FAILPOINT_FILE: fired };
      const product = system.start(env);
      const url = await product.ready();
      const request = await newRequest(url);
      await expect(send(url, request)).rejects.toThrow();
      await product.ended();
      expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
      expect(await eventsOf(request)).toEqual(appended);
      return request;
    },

    /**
     * Starts the product again, repeats some of the requests, and checks that all users can sign in and have exactly
     * these events.
     */
    expectCompleted: async (
      repeated: readonly Request[],
      swept: readonly Request[],
      ...appended: string[]
    ): Promise<void> => {
      await sweepSoon(system.owner, table);
      const product = system.start();
      const url = await product.ready();
      for (const request of repeated) {
        let answer: Response | undefined;
        // The answer is 409 until the claim of the dead process on the key expires.
        await until(async () => {
          answer = await send(url, request);
          return answer.status !== 409;
        }, 60_000);
        expect(answer?.status).toBe(201);
      }
      for (const request of [...swept, ...repeated]) {
        await until(async () => (await signIn(url, request)) === 201, 60_000);
        expect(await eventsOf(request)).toEqual(appended);
      }
      expect(await product.end('SIGTERM')).toBe(0);
    },

    close: async (): Promise<void> => {
      await endAll();
      await system.close();
      rmSync(folder, { recursive: true });
    },
  };
};
