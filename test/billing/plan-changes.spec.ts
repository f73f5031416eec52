import Stripe from 'stripe';
import { endAll, until } from '../e2e/start/product';
import { DAY_MS, SIM_KEY, send } from './life';
import { becomes, callApi, DECLINES, openScene, PAYS, portalOf, type Scene, type Tenant } from './scene';

jest.setTimeout(60_000);

describe('the payment of a tenant', () => {
  let scene: Scene;
  let url: string;
  let stripe: Stripe;
  let tenant: Tenant;

  beforeAll(async () => {
    scene = await openScene();
    ({ url } = await scene.start());
    const { hostname, port } = new URL(scene.sim.url);
    stripe = new Stripe(SIM_KEY, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 });
  });
  beforeEach(async () => {
    tenant = await scene.found(url);
  });
  afterAll(async () => {
    await endAll();
    await scene.close();
  });

  const customerOf = async (): Promise<string> => {
    const sql = 'select customer_id as id from billing.customers where tenant_id = $1';
    return (await scene.system.owner.query<{ id: string }>(sql, [tenant.id])).rows[0]?.id ?? '';
  };

  it('is charged once if the same change is requested twice at the same time', async () => {
    await scene.subscribe(url, tenant);
    const change = () => callApi(url, tenant, '/v1/billing/change', { plan: 'pro', seats: 40 });
    expect((await Promise.all([change(), change()])).map(({ status }) => status)).toEqual([200, 200]);
    const [subscription] = (await stripe.subscriptions.list({ customer: await customerOf() })).data;
    expect(subscription?.items.data.map(({ quantity }) => quantity).sort()).toEqual([1, 15]);
    const invoices = (await stripe.invoices.list({ customer: await customerOf() })).data;
    expect(invoices).toHaveLength(2);
  });

  it('covers the seats that were bought, unless a change names another number, and no fewer than the plan includes', async () => {
    await scene.subscribe(url, tenant);
    await callApi(url, tenant, '/v1/billing/change', { plan: 'pro', seats: 40 });
    expect((await callApi(url, tenant, '/v1/billing/change?preview=true', { plan: 'pro' })).body['seats']).toBe(40);
    expect((await callApi(url, tenant, '/v1/billing/change', { plan: 'pro' })).body['seats']).toBe(40);
    for (const path of ['/v1/billing/change', '/v1/billing/change?preview=true'])
      for (const [plan, seats] of [
        ['pro', 1],
        ['free', 5],
        ['enterprise', 5],
      ])
        expect((await callApi(url, tenant, path, { plan, seats })).status).toBe(400);
  });

  it('for an upgrade includes overdue invoices, as the preview shows, and unlocks the tenant', async () => {
    await scene.subscribe(url, tenant);
    const portal = await portalOf(url, tenant);
    await send(`${portal}/card`, { card: DECLINES });
    scene.sim.control.advance(31 * DAY_MS);
    await becomes(url, tenant, { lock: 'locked', status: 'past-due' });
    const upgrade = { plan: 'enterprise' };
    // The card does not pay the overdue invoice either, so nothing changes.
    expect((await callApi(url, tenant, '/v1/billing/change', upgrade)).status).toBe(409);
    expect((await callApi(url, tenant, '/v1/billing')).body).toMatchObject({ plan: 'pro', lock: 'locked' });
    await send(`${portal}/card`, { card: PAYS });
    const { body: preview } = await callApi(url, tenant, '/v1/billing/change?preview=true', upgrade);
    expect(preview).toMatchObject({ overdue: 4_900, recurring: 49_900 });
    const changed = await callApi(url, tenant, '/v1/billing/change', { ...upgrade, previewedAt: preview['at'] });
    expect([changed.status, changed.body]).toEqual([
      200,
      expect.objectContaining({ plan: 'enterprise', lock: 'none', status: 'active' }),
    ]);
    expect((await callApi(url, tenant, '/v1/projects', { name: 'Website' })).status).toBe(201);
    const invoices = (await stripe.invoices.list({ customer: await customerOf() })).data;
    expect(invoices.map(({ status }) => status)).toEqual(['paid', 'paid', 'paid']);
    const [upgraded, renewed] = invoices;
    expect(preview['dueNow']).toBe(Number(upgraded?.amount_paid) + Number(renewed?.amount_paid));
  });

  it('is shown on invoices as the charged amount, after credits', async () => {
    await scene.subscribe(url, tenant);
    expect((await callApi(url, tenant, '/v1/billing/change', { plan: 'enterprise' })).status).toBe(200);
    const { body: smaller } = await callApi(url, tenant, '/v1/billing/change?preview=true', { plan: 'pro' });
    expect([smaller['dueNow'], Number(smaller['credited']) > 0]).toEqual([0, true]);
    for (const plan of ['pro', 'enterprise'])
      expect((await callApi(url, tenant, '/v1/billing/change', { plan })).status).toBe(200);
    const shown = async () => {
      const { body } = await callApi(url, tenant, '/v1/billing/invoices');
      const data = body['data'] as { amount: number; amountDue: number; amountPaid: number }[];
      return data.map(({ amount, amountDue, amountPaid }) => [Math.sign(amount), amountDue, amountPaid]);
    };
    await until(async () => (await shown()).length === 4, 20_000);
    const invoices = (await stripe.invoices.list({ customer: await customerOf() })).data;
    expect(Number(smaller['credited'])).toBeGreaterThanOrEqual(-Math.min(...invoices.map(({ total }) => total)));
    const atStripe = invoices.map(({ total, amount_due, amount_paid }) => [Math.sign(total), amount_due, amount_paid]);
    expect((await shown()).sort()).toEqual(atStripe.sort());
    expect(atStripe.filter(([, , paid]) => paid === 0)).toHaveLength(2);
  });

  it('can be changed by a request whose answer shows the change and its position', async () => {
    await scene.subscribe(url, tenant);
    for (const seats of [27, 31, 26]) {
      const answer = await fetch(`${url}/v1/billing/change`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tenant.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ plan: 'pro', seats }),
      });
      expect([answer.status, ((await answer.json()) as { seats: number }).seats]).toEqual([200, seats]);
      expect(answer.headers.get('position')).toMatch(/./);
    }
  });
});
