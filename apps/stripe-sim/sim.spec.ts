import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { createCatalogue } from '#plans/catalogue/index';
import { silentLogger } from '#platform/logging/logger.port';
import { FAULTS } from './faults';
import { type StripeSim, startStripeSim } from './start';

const KEY = 'sk_test_ofTheSimulation';
const SECRETS = ['whsec_ofTheSimulation', 'whsec_theNext'];
const catalogue = createCatalogue();
const PRO = catalogue.pricesOf('pro')?.price ?? '';
const SEAT = catalogue.pricesOf('pro')?.seat ?? '';
const ENTERPRISE = catalogue.pricesOf('enterprise')?.price ?? '';
const DAY_MS = 86_400_000;

describe('the Stripe simulator, used with the SDK', () => {
  let dir: string;
  let sim: StripeSim;
  let stripe: Stripe;
  let endpoint: Server;
  let received: { body: string; signature: string }[];
  let refusing = 0;

  const open = async (): Promise<void> => {
    const common = { secretKey: KEY, webhookSecrets: SECRETS, prices: catalogue.products, logger: silentLogger };
    sim = await startStripeSim({ ...common, dataDir: dir });
    const { hostname, port } = new URL(sim.url);
    stripe = new Stripe(KEY, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0, timeout: 500 });
  };
  beforeAll(async () => {
    endpoint = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({
          body: Buffer.concat(chunks).toString(),
          signature: String(request.headers['stripe-signature']),
        });
        response.writeHead(refusing-- > 0 ? 500 : 200).end();
      });
    }).listen(0, '127.0.0.1');
  });
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'stripe-sim-'));
    [received, refusing] = [[], 0];
    await open();
  });
  afterEach(async () => {
    await sim.stop();
    rmSync(dir, { recursive: true });
  });
  afterAll(() => new Promise((resolve) => endpoint.close(resolve)));

  const listen = (): void => sim.deliverTo(`http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/`);
  const customer = async (card?: string): Promise<string> => {
    const { id } = await stripe.customers.create({ name: 'Acme' });
    if (card) await useCard(id, card);
    return id;
  };
  const useCard = async (id: string, card: string): Promise<void> => {
    const { id: method } = await stripe.paymentMethods.attach(card, { customer: id });
    await stripe.customers.update(id, { invoice_settings: { default_payment_method: method } });
  };
  const subscribe = async (trial = 0): Promise<Stripe.Subscription> =>
    stripe.subscriptions.create({
      ...{ customer: await customer('pm_card_visa'), items: [{ price: PRO }] },
      ...(trial > 0 && { trial_period_days: trial }),
    });
  const typesOf = async (): Promise<string[]> =>
    (await stripe.events.list({ limit: 100 })).data.map(({ type }) => type).reverse();

  it('refuses a wrong key and unknown objects with Stripe’s errors', async () => {
    const { hostname, port } = new URL(sim.url);
    const stranger = new Stripe('sk_test_ofAnother', { host: hostname, port, protocol: 'http' });
    await expect(stranger.customers.list()).rejects.toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    await expect(stripe.customers.retrieve('cus_none')).rejects.toMatchObject({ code: 'resource_missing' });
    await expect(stripe.rawRequest('GET', '/v1/nothing')).rejects.toMatchObject({ statusCode: 404 });
  });

  it('answers a repeat with the same idempotency key alike, and refuses the key for another request', async () => {
    const options = { idempotencyKey: 'one' };
    const [first, again] = [
      await stripe.customers.create({ name: 'Acme' }, options),
      await stripe.customers.create({ name: 'Acme' }, options),
    ];
    expect(again.id).toBe(first.id);
    await expect(stripe.customers.create({ name: 'Other' }, options)).rejects.toMatchObject({
      type: 'StripeIdempotencyError',
    });
  });

  it('pages its lists', async () => {
    for (let at = 0; at < 7; at++) await stripe.customers.create({ name: String(at) });
    const names: (string | null | undefined)[] = [];
    for await (const { name } of stripe.customers.list({ limit: 3 })) names.push(name);
    expect(names.map(Number).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('renews a subscription, retries failed payments, and ends the subscription after the last failure', async () => {
    const { id, customer: owner, items } = await subscribe();
    const end = items.data[0]?.current_period_end ?? 0;
    await useCard(String(owner), 'pm_card_chargeCustomerFail');
    sim.control.advanceToNext();
    const late = await stripe.subscriptions.retrieve(id, { expand: ['latest_invoice'] });
    expect([late.status, late.items.data[0]?.current_period_start]).toEqual(['past_due', end]);
    expect(late.latest_invoice).toMatchObject({ status: 'open', attempt_count: 1, amount_due: 4_900 });
    for (const attempts of [2, 3]) {
      sim.control.advanceToNext();
      const [invoice] = (await stripe.invoices.list({ subscription: id })).data;
      expect(invoice?.attempt_count).toBe(attempts);
    }
    sim.control.advanceToNext();
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('canceled');
    expect((await typesOf()).filter((it) => it === 'invoice.payment_failed')).toHaveLength(4);
  });

  it('activates a subscription again once the open invoice is paid', async () => {
    const { id, customer: owner } = await subscribe();
    await useCard(String(owner), 'pm_card_chargeCustomerFail');
    sim.control.advanceToNext();
    const [invoice] = (await stripe.invoices.list({ subscription: id })).data;
    await expect(stripe.invoices.pay(invoice?.id ?? '')).rejects.toBeInstanceOf(Stripe.errors.StripeCardError);
    await useCard(String(owner), 'pm_card_visa');
    expect((await stripe.invoices.pay(invoice?.id ?? '')).status).toBe('paid');
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('active');
  });

  it('activates a subscription again once a later invoice is paid, even if older ones are open', async () => {
    const { id, customer: owner, items } = await subscribe();
    await useCard(String(owner), 'pm_card_chargeCustomerFail');
    sim.control.advanceToNext();
    await useCard(String(owner), 'pm_card_visa');
    const wanted = [{ id: items.data[0]?.id ?? '', price: ENTERPRISE }];
    await stripe.subscriptions.update(id, { items: wanted, proration_behavior: 'always_invoice' });
    const invoices = (await stripe.invoices.list({ subscription: id })).data;
    expect(invoices.map(({ status }) => status)).toEqual(['paid', 'open', 'paid']);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('active');
  });

  it('refuses a second item with the same price', async () => {
    const { id } = await subscribe();
    await stripe.subscriptions.update(id, { items: [{ price: SEAT, quantity: 15 }] });
    const again = stripe.subscriptions.update(id, { items: [{ price: SEAT, quantity: 15 }] });
    await expect(again).rejects.toMatchObject({ statusCode: 400 });
    expect((await stripe.subscriptions.retrieve(id)).items.data).toHaveLength(2);
  });

  it('charges the previewed amount for a change', async () => {
    const { id, items } = await subscribe();
    sim.control.advance(10 * DAY_MS);
    const at = sim.control.now();
    const change = { items: [{ id: items.data[0]?.id ?? '', price: ENTERPRISE }], proration_date: at };
    const shown = await stripe.invoices.createPreview({
      subscription: id,
      subscription_details: { ...change, proration_behavior: 'always_invoice' },
    });
    sim.control.advance(DAY_MS);
    await stripe.subscriptions.update(id, { ...change, proration_behavior: 'always_invoice' });
    const [invoice] = (await stripe.invoices.list({ subscription: id })).data;
    expect([invoice?.total, invoice?.status]).toEqual([shown.total, 'paid']);
    expect(shown.total).toBeGreaterThan(0);
    expect(shown.total).toBeLessThan(49_900 - 4_900);
  });

  it('changes nothing if the card does not pay for a change', async () => {
    const { id, customer: owner, items } = await subscribe();
    await useCard(String(owner), 'pm_card_chargeCustomerFail');
    const wanted = [{ id: items.data[0]?.id ?? '', price: ENTERPRISE }];
    await expect(
      stripe.subscriptions.update(id, {
        ...{ items: wanted, proration_behavior: 'always_invoice', payment_behavior: 'error_if_incomplete' },
      }),
    ).rejects.toBeInstanceOf(Stripe.errors.StripeCardError);
    expect((await stripe.subscriptions.retrieve(id)).items.data[0]?.price.id).toBe(PRO);
  });

  it('sends an event before a trial ends, and pauses a subscription without a card', async () => {
    const owner = await customer();
    const { id } = await stripe.subscriptions.create({
      customer: owner,
      items: [{ price: PRO }],
      trial_period_days: 10,
    });
    sim.control.advance(8 * DAY_MS);
    expect(await typesOf()).toContain('customer.subscription.trial_will_end');
    sim.control.advance(3 * DAY_MS);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('paused');
    expect((await stripe.subscriptions.resume(id)).status).toBe('active');
    expect(await typesOf()).toEqual(
      expect.arrayContaining(['customer.subscription.paused', 'customer.subscription.resumed']),
    );
  });

  it('ends the subscriptions of a deleted customer', async () => {
    const { id, customer: owner } = await subscribe();
    expect((await stripe.customers.del(String(owner))).deleted).toBe(true);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('canceled');
    expect((await typesOf()).slice(-2)).toEqual(['customer.subscription.deleted', 'customer.deleted']);
  });

  it('signs a webhook with each secret, and repeats it until it is accepted', async () => {
    refusing = 2;
    listen();
    await stripe.customers.create({ name: 'Acme' });
    await sim.control.idle();
    expect(received).toHaveLength(3);
    for (const { body, signature } of received)
      for (const secret of SECRETS)
        expect(Stripe.webhooks.constructEvent(body, signature, secret).type).toBe('customer.created');
  });

  it('keeps its objects and undelivered events after a kill', async () => {
    const { id } = await subscribe();
    const [before, clock] = [await typesOf(), sim.control.now()];
    sim.control.advance(5 * DAY_MS);
    // The first simulator is not stopped, so that it writes nothing at its end, like a killed process.
    const abandoned = sim;
    await open();
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('active');
    expect((await typesOf()).slice(0, before.length)).toEqual(before);
    expect(sim.control.now()).toBeGreaterThanOrEqual(clock + 5 * 86_400);
    listen();
    await sim.control.idle();
    expect(received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual(
      expect.arrayContaining(before),
    );
    await abandoned.stop();
  });

  it.each(FAULTS)('fails with the fault %s', async (kind) => {
    const options = { idempotencyKey: kind };
    sim.control.addFault({ method: 'POST', path: '/v1/customers', kind, times: 2 });
    await expect(stripe.customers.create({ name: 'Acme' }, options)).rejects.toBeInstanceOf(Stripe.errors.StripeError);
    sim.control.clearFaults();
    await stripe.customers.create({ name: 'Acme' }, options);
    expect((await stripe.customers.list()).data).toHaveLength(1);
  });

  it('succeeds again after its faults were cleared on the dashboard', async () => {
    const post = (path: string, form: Record<string, string> = {}) =>
      fetch(`${sim.url}/_sim/${path}`, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
    await post('faults', { method: 'POST', path: '/v1/customers', kind: 'answer-500', times: '50' });
    expect(await (await fetch(sim.url)).text()).toContain('action="/_sim/faults/clear"');
    await post('faults/clear');
    await stripe.customers.create({ name: 'Acme' });
  });

  it.each([
    ['advance', { by: 'day' }, 'by'],
    ['advance', {}, 'by'],
    ['faults', { kind: 'hang' }, 'kind'],
    ['chaos', { drop: 'all' }, 'drop'],
  ])('names the invalid parameter of a form: %s with %j', async (path, form, param) => {
    const body = new URLSearchParams(form as Record<string, string>);
    const answer = await fetch(`${sim.url}/_sim/${path}`, { method: 'POST', body, redirect: 'manual' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param } });
  });

  it('has the same delivery faults for the same seed', async () => {
    const orders: string[][] = [];
    for (let time = 0; time < 2; time++) {
      received = [];
      listen();
      sim.control.setChaos({ duplicate: 0.3, drop: 0.2, reorder: 5 });
      for (let at = 0; at < 20; at++) await stripe.customers.create({ name: String(at) });
      await sim.control.idle();
      orders.push(
        received
          .map(({ body }) => (JSON.parse(body) as { data: { object: { name: string } } }).data.object.name)
          .sort(),
      );
      await sim.stop();
      rmSync(dir, { recursive: true });
      await open();
    }
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]).not.toHaveLength(20);
  });

  it.each(['a[b', '[x]=1&__proto__[y]=2', 'items[0][price]=none', 'customer[]=1&items=2', '%ff%fe'])(
    'refuses a malformed form with Stripe’s error: %s',
    async (body) => {
      const headers = { authorization: `Bearer ${KEY}`, 'content-type': 'application/x-www-form-urlencoded' };
      for (const path of ['/v1/subscriptions', '/v1/checkout/sessions', '/v1/invoices/create_preview']) {
        const answer = await fetch(`${sim.url}${path}`, { method: 'POST', headers, body });
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(await answer.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
      }
    },
  );

  it('does not run in production', async () => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = 'production';
    try {
      const options = { secretKey: KEY, webhookSecrets: SECRETS, prices: [], logger: silentLogger };
      await expect(startStripeSim(options)).rejects.toThrow('production');
    } finally {
      process.env['NODE_ENV'] = before;
    }
  });
});
