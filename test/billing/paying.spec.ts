import { randomUUID } from 'node:crypto';
import Stripe from 'stripe';
import { UnknownToStripe } from '#billing/stripe/customers';
import { createStripeGateway } from '#billing/stripe/stripe-gateway';
import { endAll, until } from '../e2e/start/product';
import { SIM_KEY, send } from './life';
import { becomes, callApi, openScene, origins, PAYS, type Scene, type Tenant } from './scene';

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
});
