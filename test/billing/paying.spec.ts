import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { UnknownToStripe } from '#billing/stripe/customers';
import { createStripeGateway } from '#billing/stripe/stripe-gateway';
import { endAll, until } from '../e2e/start/product';
import { DAY_MS, SIM_KEY, send } from './life';
import { becomes, callApi, DECLINES, openScene, origins, PAYS, portalOf, type Scene, type Tenant } from './scene';

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

  const checkout = () => callApi(url, tenant, '/v1/billing/checkout', { plan: 'pro', ...origins });
  const pay = (page: unknown) => send(String(page), { card: PAYS });
  const customerOf = async (): Promise<string> => {
    const sql = 'select customer_id as id from billing.customers where tenant_id = $1';
    return (await scene.system.owner.query<{ id: string }>(sql, [tenant.id])).rows[0]?.id ?? '';
  };
  const subscriptions = async (): Promise<string[]> =>
    (await stripe.subscriptions.list({ customer: await customerOf(), status: 'all' })).data.map(({ status }) => status);
  const decisions = async (): Promise<string[]> => {
    const { body } = await callApi(url, tenant, '/v1/billing/why');
    const data = body['data'] as { decision: string; position: string }[];
    // A token: readable positions would reveal how much other tenants do.
    for (const { position } of data) expect(position).toMatch(/^[\w-]{22}$/);
    return data.map(({ decision }) => decision);
  };

  it('is made once, however many checkout pages were opened', async () => {
    const [first, second] = [await checkout(), await checkout()];
    expect([first.status, second.status]).toEqual([201, 201]);
    await pay(first.body['url']);
    expect(await subscriptions()).toEqual([]);
    await pay(second.body['url']);
    // This request does not wait for the webhook.
    const third = await checkout();
    expect([third.status, third.body['type']]).toEqual([409, '/problems/conflict']);
    expect(await subscriptions()).toEqual(['active']);
  });

  it('is possible on one page only, even if several processes create pages at the same time', async () => {
    const other = (await scene.start()).url;
    const pages = await Promise.all(
      [url, other, url].map((from) => callApi(from, tenant, '/v1/billing/checkout', { plan: 'pro', ...origins })),
    );
    expect(pages.map(({ status }) => status)).toEqual([201, 201, 201]);
    const shown = await Promise.all(pages.map(({ body }) => fetch(String(body['url']))));
    expect(shown.map(({ status }) => status).sort()).toEqual([200, 404, 404]);
    const page = pages[shown.findIndex(({ status }) => status === 200)];
    await pay(page?.body['url']);
    await becomes(url, tenant, { plan: 'pro', lock: 'none' });
    expect(await subscriptions()).toEqual(['active']);
  });

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

  it('does not depend on the return link: a page explains that a link has expired', async () => {
    const answer = await fetch(`${url}/billing/return?to=tooOld`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8']);
    expect(await answer.text()).toContain('Open your application again');
  });

  it('can return to a URL with characters of any script', async () => {
    const back = 'http://127.0.0.1/日本?q=ü';
    const page = await callApi(url, tenant, '/v1/billing/checkout', { plan: 'pro', successUrl: back, cancelUrl: back });
    expect(page.status).toBe(201);
    const { pathname, search } = new URL(String((await pay(page.body['url'])).headers.get('location')));
    const returned = await fetch(`${url}${pathname}${search}`, { redirect: 'manual' });
    expect([returned.status, returned.headers.get('location')]).toEqual([303, new URL(back).href]);
  });

  it('does not end because Stripe does not know the customer, as with the key of another account', async () => {
    await scene.subscribe(url, tenant);
    const gateway = createStripeGateway({ secretKey: SIM_KEY, url: scene.sim.url });
    const needs = { invoices: true, customer: true };
    await expect(gateway.snapshot('cus_ofAnotherAccount', needs)).rejects.toThrow(UnknownToStripe);
    await expect(gateway.snapshot('cus_ofAnotherAccount', { ...needs, customer: false })).rejects.toThrow(
      UnknownToStripe,
    );
    const known = await customerOf();
    await stripe.customers.del(known);
    expect(await gateway.snapshot(known, needs)).toMatchObject({ deleted: true });
  });

  it('cannot be managed after the customer was deleted at Stripe: the answer contains Stripe’s reason', async () => {
    await scene.subscribe(url, tenant);
    // The webhook of the deletion is dropped.
    scene.sim.control.setChaos({ drop: 1 });
    await stripe.customers.del(await customerOf());
    scene.sim.control.setChaos({});
    const refused = await callApi(url, tenant, '/v1/billing/portal', { returnUrl: 'http://127.0.0.1/' });
    expect([refused.status, refused.body]).toEqual([
      409,
      expect.objectContaining({
        type: '/problems/conflict',
        detail: expect.stringMatching(/^Stripe refused the request: /),
      }),
    ]);
  });

  it('ends with the tenant', async () => {
    await scene.subscribe(url, tenant);
    const closing = await fetch(`${url}/v1/tenant`, {
      method: 'DELETE',
      headers: {
        ...{ authorization: `Bearer ${tenant.token}`, 'content-type': 'application/json' },
        'idempotency-key': randomUUID(),
      },
      body: JSON.stringify({ confirmName: tenant.name }),
    });
    expect(closing.status).toBe(200);
    await until(async () => (await subscriptions())[0] === 'canceled', 20_000);
  });

  it('can be disputed: the dispute is recorded, and the tenant is not locked', async () => {
    await scene.subscribe(url, tenant);
    const [invoice] = (await stripe.invoices.list({ customer: await customerOf() })).data;
    scene.sim.control.dispute(invoice?.id ?? '');
    await until(async () => (await decisions()).includes('PaymentDisputed'), 20_000);
    await becomes(url, tenant, { plan: 'pro', lock: 'none' });
    const { rows } = await scene.system.owner.query(
      `select customer_id as customer, state from billing.inbox where type = 'charge.dispute.created'`,
    );
    expect(rows).toEqual([{ customer: await customerOf(), state: 'handled' }]);
  });

  it('can be disputed for a charge that Stripe does not know: the event is quarantined', async () => {
    const object = { id: 'dp_1', object: 'dispute', charge: 'ch_unknown', amount: 1, currency: 'eur', created: 1 };
    const event = { id: 'evt_unknown', type: 'charge.dispute.created', created: 1, livemode: false };
    const row = [event.id, event.type, JSON.stringify({ ...event, data: { object } })];
    await scene.system.owner.query(
      `select billing.take_in('{""}', '{false}', array[$1], array[$2], array[null::text], array[now()], array[$3],
        '{pending}', array[null::text], 'webhook')`,
      row,
    );
    await until(async () => {
      const { rows } = await scene.system.owner.query(
        'select 1 from billing.inbox where event_id = $1 and state = $2',
        [event.id, 'quarantined'],
      );
      return rows.length === 1;
    }, 20_000);
  });
});
