import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StripeSim } from '../../apps/stripe-sim/start';
import { SIM_KEY, SIM_SECRET, send, startSim } from '../billing/life';
import { endAll, type Product, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';

const PASSWORD = 'correct horse battery staple';
const PAYS = '4242424242424242';
const DECLINES = '4000000000000341';

jest.setTimeout(300_000);

interface Company {
  readonly id: string;
  readonly token: string;
}

/** The product is killed at each named point of the way from Stripe to the log, as `kill -9` would; Stripe goes on. */
describe('money, where the process does not survive', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tenantry-failpoints-'));
  const fired = join(folder, 'fired');
  let system: System;
  let sim: StripeSim;
  let people = 0;

  beforeAll(async () => {
    system = await openSystem();
    sim = await startSim(folder);
  });
  afterAll(async () => {
    await endAll();
    await sim.stop();
    await system.close();
    rmSync(folder, { recursive: true });
  });

  const start = async (env: Record<string, string> = {}): Promise<{ product: Product; url: string }> => {
    const stripe = { STRIPE_SECRET_KEY: SIM_KEY, STRIPE_WEBHOOK_SECRETS: SIM_SECRET, STRIPE_API_URL: sim.url };
    const product = system.start({ ...stripe, BILLING_RETURN_ORIGINS: 'http://127.0.0.1', PLANS: 'catalogue', ...env });
    const url = await product.ready();
    sim.deliverTo(`${url}/v1/webhooks/stripe`);
    return { product, url };
  };
  const ask = async (
    url: string,
    { token }: Pick<Company, 'token'>,
    path: string,
    body?: object,
    key = randomUUID(),
  ) => {
    const headers = { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) };
    const answer = await fetch(`${url}${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { ...headers, ...(body && { 'idempotency-key': key }) },
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const found = async (url: string): Promise<Company> => {
    const body = { companyName: 'Acme', personName: 'Ada', email: `ada${++people}@acme.example`, password: PASSWORD };
    const answer = await fetch(`${url}/v1/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { tenant, accessToken } = (await answer.json()) as { tenant: { id: string }; accessToken: string };
    return { id: tenant.id, token: accessToken };
  };
  const origins = { successUrl: 'http://127.0.0.1/', cancelUrl: 'http://127.0.0.1/' };
  const subscribe = async (url: string, company: Company): Promise<void> => {
    const { body } = await ask(url, company, '/v1/billing/checkout', { plan: 'pro', ...origins });
    await send(String(body['url']), { card: PAYS });
    await becomes(url, company, { plan: 'pro', lock: 'none' });
  };
  const becomes = (url: string, company: Company, wanted: Record<string, unknown>): Promise<void> =>
    until(async () => {
      const { body } = await ask(url, company, '/v1/billing').catch(() => ({ body: {} as Record<string, unknown> }));
      return Object.entries(wanted).every(([name, value]) => body[name] === value);
    }, 60_000);
  const portalOf = async (url: string, company: Company): Promise<string> =>
    String((await ask(url, company, '/v1/billing/portal', { returnUrl: 'http://127.0.0.1/' })).body['url']);
  const factsOf = async ({ id }: Company, type: string): Promise<number> =>
    (await system.owner.query('select 1 from event_log.events where tenant_id = $1 and type = $2', [id, type])).rows
      .length;
  const failing = (failpoint: string) => ({
    ...{ NODE_ENV: 'test', TENANTRY_FAILPOINT: failpoint, TENANTRY_FAILPOINT_FILE: fired },
  });
  const waitForTheEnd = async (product: Product, failpoint: string): Promise<void> => {
    await product.ended();
    expect(readFileSync(fired, 'utf8')).toBe(`${failpoint}\n`);
    rmSync(fired);
  };

  it.each(['billing.taken-in', 'billing.claimed', 'billing.fetched', 'billing.followed', 'billing.finished'])(
    'what a webhook told is done once, killed at %s',
    async (failpoint) => {
      const before = await start();
      const company = await found(before.url);
      await subscribe(before.url, company);
      await send(`${await portalOf(before.url, company)}/card`, { card: DECLINES });
      await sim.control.idle();
      await before.product.end('SIGTERM');
      const cut = await start(failing(failpoint));
      sim.control.advanceToNext();
      await waitForTheEnd(cut.product, failpoint);
      const after = await start();
      await becomes(after.url, company, { lock: 'locked', status: 'past-due' });
      const portal = await portalOf(after.url, company);
      await send(`${portal}/card`, { card: PAYS });
      const open = /value="(in_\w+)"/.exec(await (await fetch(portal)).text())?.[1] ?? '';
      await send(`${portal}/pay`, { invoice: open });
      await becomes(after.url, company, { lock: 'none', status: 'active' });
      for (const [type, times] of [
        ['SubscriptionStarted', 1],
        ['PaymentFailed', 1],
        ['WorkspaceLocked', 1],
        ['WorkspaceUnlocked', 1],
        ['PaymentSucceeded', 2],
      ] as const)
        expect([type, await factsOf(company, type)]).toEqual([type, times]);
      await after.product.end('SIGTERM');
    },
  );

  it.each(['billing.call-noted', 'billing.call-answered'])(
    'what was asked of Stripe is charged once, killed at %s',
    async (failpoint) => {
      const before = await start();
      const company = await found(before.url);
      await subscribe(before.url, company);
      await before.product.end('SIGTERM');
      const cut = await start(failing(failpoint));
      const key = randomUUID();
      await expect(ask(cut.url, company, '/v1/billing/change', { plan: 'enterprise' }, key)).rejects.toThrow();
      await waitForTheEnd(cut.product, failpoint);
      const after = await start();
      // The client repeats it with its key; where it does not, the sweeper does.
      // 409 until the dead process' claim on the key runs out.
      const repeat = () => ask(after.url, company, '/v1/billing/change', { plan: 'enterprise' }, key);
      await until(async () => (await repeat()).status !== 409, 60_000);
      expect((await repeat()).status).toBe(200);
      await becomes(after.url, company, { plan: 'enterprise' });
      expect(await factsOf(company, 'PaymentSucceeded')).toBe(2);
      await after.product.end('SIGTERM');
    },
  );

  it('a charge whose answer never came is one charge, and nothing else waits for Stripe', async () => {
    const { product, url } = await start();
    const company = await found(url);
    await subscribe(url, company);
    const key = randomUUID();
    sim.control.addFault({ method: 'POST', path: '/v1/subscriptions', kind: 'reset-after', times: 20 });
    const lost = await ask(url, company, '/v1/billing/change', { plan: 'enterprise' }, key);
    expect([lost.status, lost.body['type']]).toEqual([503, '/problems/dependency-unavailable']);
    expect((await ask(url, company, '/v1/projects', { name: 'Website' })).status).toBe(201);
    sim.control.clearFaults();
    // Its webhook tells what came of it, and a repeat finds it done.
    await becomes(url, company, { plan: 'enterprise' });
    expect((await ask(url, company, '/v1/billing/change', { plan: 'enterprise' }, key)).status).toBe(200);
    expect(await factsOf(company, 'PaymentSucceeded')).toBe(2);
    await product.end('SIGTERM');
  });

  it('Stripe away is a 503 for checkout, and what it told meanwhile is found when it is back', async () => {
    const { product, url } = await start();
    const [company, other] = [await found(url), await found(url)];
    await subscribe(url, company);
    sim.control.addFault({ method: 'POST', path: '/v1', kind: 'reset-before', times: 50 });
    sim.control.addFault({ method: 'GET', path: '/v1', kind: 'answer-500', times: 50 });
    const refused = await ask(url, other, '/v1/billing/checkout', { plan: 'pro', ...origins });
    expect([refused.status, refused.body['type']]).toEqual([503, '/problems/dependency-unavailable']);
    expect((await ask(url, company, '/v1/billing')).body['plan']).toBe('pro');
    expect((await ask(url, other, '/v1/projects', { name: 'Website' })).status).toBe(201);
    sim.control.clearFaults();
    await until(
      async () => (await ask(url, other, '/v1/billing/checkout', { plan: 'pro', ...origins })).status === 201,
      30_000,
    );
    await product.end('SIGTERM');
  });

  it('webhooks that come twice, late, in any order or never end in what Stripe has', async () => {
    const { product, url } = await start();
    const companies = await Promise.all(Array.from({ length: 5 }, () => found(url)));
    sim.control.setChaos({ duplicate: 0.5, drop: 0.2, delayMs: 100, reorder: 6 });
    for (const company of companies) {
      const { body } = await ask(url, company, '/v1/billing/checkout', { plan: 'pro', ...origins });
      await send(String(body['url']), { card: PAYS });
      await send(`${await portalOf(url, company)}/card`, { card: DECLINES });
    }
    for (let step = 0; step < 5; step++) sim.control.advanceToNext();
    await sim.control.idle(30_000);
    sim.control.setChaos({});
    // What was never delivered, reconciliation finds.
    await system.owner.query('select billing.ask(null)');
    for (const company of companies) await becomes(url, company, { plan: 'pro', lock: 'locked', status: 'past-due' });
    await product.end('SIGTERM');
  });
});
