import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Product, until } from '../e2e/start/product';
import { openSystem } from '../e2e/system';
import { SIM_KEY, SIM_SECRET, send, startSim } from './life';

export const PAYS = '4242424242424242';
export const DECLINES = '4000000000000341';
const PASSWORD = 'correct horse battery staple';

export interface Tenant {
  readonly id: string;
  readonly name: string;
  readonly token: string;
}

/** Starts a database and a simulated Stripe, which keeps running when the product is killed. */
export const openScene = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-failpoints-'));
  const fired = join(folder, 'fired');
  const system = await openSystem();
  const sim = await startSim(folder);
  let users = 0;

  const start = async (env: Record<string, string> = {}): Promise<{ product: Product; url: string }> => {
    const stripe = { STRIPE_SECRET_KEY: SIM_KEY, STRIPE_WEBHOOK_SECRETS: SIM_SECRET, STRIPE_API_URL: sim.url };
    const product = system.start({ ...stripe, BILLING_RETURN_ORIGINS: 'http://127.0.0.1', PLANS: 'catalogue', ...env });
    const url = await product.ready();
    sim.deliverTo(`${url}/v1/webhooks/stripe`);
    return { product, url };
  };
  /** Signs up a tenant with one user, its owner. */
  const found = async (url: string): Promise<Tenant> => {
    const body = { companyName: 'Acme', personName: 'Ada', email: `ada${++users}@acme.example`, password: PASSWORD };
    const answer = await fetch(`${url}/v1/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { tenant, accessToken } = (await answer.json()) as { tenant: { id: string }; accessToken: string };
    return { id: tenant.id, name: body.companyName, token: accessToken };
  };
  /** Buys the plan `pro` with a card that pays. */
  const subscribe = async (url: string, tenant: Tenant): Promise<void> => {
    const { body } = await callApi(url, tenant, '/v1/billing/checkout', { plan: 'pro', ...origins });
    await send(String(body['url']), { card: PAYS });
    await becomes(url, tenant, { plan: 'pro', lock: 'none' });
  };
  return {
    ...{ system, sim, start, found, subscribe },
    /** The number of events of a type in the log of a tenant. */
    factsOf: async ({ id }: Tenant, type: string): Promise<number> => {
      const sql = 'select 1 from event_log.events where tenant_id = $1 and type = $2';
      return (await system.owner.query(sql, [id, type])).rows.length;
    },
    /** Starts a product that is killed at a failpoint. `killed` waits for that. */
    startFailing: async (failpoint: string) => {
      const env = { NODE_ENV: 'test', TENANTRY_FAILPOINT: failpoint, TENANTRY_FAILPOINT_FILE: fired };
      const started = await start(env);
      return {
        url: started.url,
        killed: async (): Promise<void> => {
          await started.product.ended();
          expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
        },
      };
    },
    close: async (): Promise<void> => {
      await sim.stop();
      await system.close();
      rmSync(folder, { recursive: true });
    },
  };
};
export type Scene = Awaited<ReturnType<typeof openScene>>;

export const origins = { successUrl: 'http://127.0.0.1/', cancelUrl: 'http://127.0.0.1/' };
export const callApi = async (
  url: string,
  { token }: Pick<Tenant, 'token'>,
  path: string,
  body?: object,
  key: string = randomUUID(),
) => {
  const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
  const answer = await fetch(`${url}${path}`, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: { ...headers, ...(body && { 'idempotency-key': key }) },
  });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
/** Waits until `GET /v1/billing` has these values, for a minute at most. */
export const becomes = (url: string, tenant: Tenant, wanted: Record<string, unknown>): Promise<void> =>
  until(async () => {
    const { body } = await callApi(url, tenant, '/v1/billing').catch(() => ({ body: {} as Record<string, unknown> }));
    return Object.entries(wanted).every(([name, value]) => body[name] === value);
  }, 60_000);
export const portalOf = async (url: string, tenant: Tenant): Promise<string> =>
  String((await callApi(url, tenant, '/v1/billing/portal', { returnUrl: 'http://127.0.0.1/' })).body['url']);
