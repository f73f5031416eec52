import { rmSync } from 'node:fs';
import Stripe from 'stripe';
import { silentLogger } from '#platform/logging/logger.port';
import { DAY_MS, KEY, SECRETS, useStripeSim } from '#test/support/worlds/stripe-sim';
import { FAULTS } from './faults';
import { startStripeSim } from './start';

describe('the Stripe simulator, used with the SDK', () => {
  const world = useStripeSim();
  const { listen, subscribe, typesOf, open } = world;

  it('refuses a wrong key and unknown objects with Stripe’s errors', async () => {
    const { hostname, port } = new URL(world.sim.url);
    const stranger = new Stripe('sk_test_ofAnother', { host: hostname, port, protocol: 'http' });
    await expect(stranger.customers.list()).rejects.toBeInstanceOf(Stripe.errors.StripeAuthenticationError);
    await expect(world.stripe.customers.retrieve('cus_none')).rejects.toMatchObject({ code: 'resource_missing' });
    await expect(world.stripe.rawRequest('GET', '/v1/nothing')).rejects.toMatchObject({ statusCode: 404 });
  });

  it('answers a repeat with the same idempotency key alike, and refuses the key for another request', async () => {
    const options = { idempotencyKey: 'one' };
    const [first, again] = [
      await world.stripe.customers.create({ name: 'Acme' }, options),
      await world.stripe.customers.create({ name: 'Acme' }, options),
    ];
    expect(again.id).toBe(first.id);
    await expect(world.stripe.customers.create({ name: 'Other' }, options)).rejects.toMatchObject({
      type: 'StripeIdempotencyError',
    });
  });

  it('pages its lists', async () => {
    for (let at = 0; at < 7; at++) await world.stripe.customers.create({ name: String(at) });
    const names: (string | null | undefined)[] = [];
    for await (const { name } of world.stripe.customers.list({ limit: 3 })) names.push(name);
    expect(names.map(Number).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it('signs a webhook with each secret, and repeats it until it is accepted', async () => {
    world.refusing = 2;
    listen();
    await world.stripe.customers.create({ name: 'Acme' });
    await world.sim.control.idle();
    expect(world.received).toHaveLength(3);
    for (const { body, signature } of world.received)
      for (const secret of SECRETS)
        expect(Stripe.webhooks.constructEvent(body, signature, secret).type).toBe('customer.created');
  });

  it('keeps its objects and undelivered events after a kill', async () => {
    const { id } = await subscribe();
    const [before, clock] = [await typesOf(), world.sim.control.now()];
    world.sim.control.advance(5 * DAY_MS);
    // The first simulator is not stopped, so that it writes nothing at its end, like a killed process.
    const abandoned = world.sim;
    await open();
    expect((await world.stripe.subscriptions.retrieve(id)).status).toBe('active');
    expect((await typesOf()).slice(0, before.length)).toEqual(before);
    expect(world.sim.control.now()).toBeGreaterThanOrEqual(clock + 5 * 86_400);
    listen();
    await world.sim.control.idle();
    expect(world.received.map(({ body }) => (JSON.parse(body) as { type: string }).type)).toEqual(
      expect.arrayContaining(before),
    );
    await abandoned.stop();
  });

  it.each(FAULTS)('fails with the fault %s', async (kind) => {
    const options = { idempotencyKey: kind };
    world.sim.control.addFault({ method: 'POST', path: '/v1/customers', kind, times: 2 });
    await expect(world.stripe.customers.create({ name: 'Acme' }, options)).rejects.toBeInstanceOf(
      Stripe.errors.StripeError,
    );
    world.sim.control.clearFaults();
    await world.stripe.customers.create({ name: 'Acme' }, options);
    expect((await world.stripe.customers.list()).data).toHaveLength(1);
  });

  it('succeeds again after its faults were cleared on the dashboard', async () => {
    const post = (path: string, form: Record<string, string> = {}) =>
      fetch(`${world.sim.url}/_sim/${path}`, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
    await post('faults', { method: 'POST', path: '/v1/customers', kind: 'answer-500', times: '50' });
    expect(await (await fetch(world.sim.url)).text()).toContain('action="/_sim/faults/clear"');
    await post('faults/clear');
    await world.stripe.customers.create({ name: 'Acme' });
  });

  it.each([
    ['advance', { by: 'day' }, 'by'],
    ['advance', {}, 'by'],
    ['faults', { kind: 'hang' }, 'kind'],
    ['chaos', { drop: 'all' }, 'drop'],
  ])('names the invalid parameter of a form: %s with %j', async (path, form, param) => {
    const body = new URLSearchParams(form as Record<string, string>);
    const answer = await fetch(`${world.sim.url}/_sim/${path}`, { method: 'POST', body, redirect: 'manual' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { param } });
  });

  it('has the same delivery faults for the same seed', async () => {
    const orders: string[][] = [];
    for (let time = 0; time < 2; time++) {
      world.received = [];
      listen();
      world.sim.control.setChaos({ duplicate: 0.3, drop: 0.2, reorder: 5 });
      for (let at = 0; at < 20; at++) await world.stripe.customers.create({ name: String(at) });
      await world.sim.control.idle();
      orders.push(
        world.received
          .map(({ body }) => (JSON.parse(body) as { data: { object: { name: string } } }).data.object.name)
          .sort(),
      );
      await world.sim.stop();
      rmSync(world.dir, { recursive: true });
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
        const answer = await fetch(`${world.sim.url}${path}`, { method: 'POST', headers, body });
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
