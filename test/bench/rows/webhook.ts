import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'pg';
import Stripe from 'stripe';
import { type StripeSim, startStripeSim } from '#apps/stripe-sim/start';
import { createCatalogue } from '#plans/catalogue/index';
import { silentLogger } from '#platform/logging/logger.port';
import { createEmptyDatabase } from '#testing/database';
import { inChildren, startChild } from '../children';
import type { BareInput } from '../children/bare-app';
import type { CannonInput, Shot } from '../children/cannon';
import type { Bench, Group, Measured } from '../group';
import { inRounds } from '../load';
import { principalOfToken, signUp, startProduct } from '../peers/product-process';
import { median, percentile, ratios, shown } from '../statistics';

const CONNECTIONS = 64;
const BARE_CONNECTIONS = 32;
const SECRET_KEY = 'sk_test_ofTheBench';
const WEBHOOK_SECRET = 'whsec_ofTheBench';
const MONTH_MS = 32 * 86_400_000;
const CUSTOMERS = 100;

const shoot = async (input: CannonInput): Promise<Shot> => {
  const [shot] = await inChildren<CannonInput, Shot>('cannon', [input]);
  if (!shot) throw new Error('the load process returned no result');
  return shot;
};

const settings = (stripeUrl: string) => ({
  ...{ STRIPE_SECRET_KEY: SECRET_KEY, STRIPE_WEBHOOK_SECRETS: WEBHOOK_SECRET, STRIPE_API_URL: stripeUrl },
});

/** A webhook (signature, insert, 200), compared with one durable insert of a bare application, both over HTTP. */
export const webhookTaken: Group = {
  ids: ['webhook.p99'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const databases = [await createEmptyDatabase(), await createEmptyDatabase()] as const;
    // Stripe is not called: the content of the event does not matter here.
    const product = await startProduct(databases[0].url, settings('http://127.0.0.1:9'));
    const bare = await startChild<BareInput, string>('bare-app', {
      ...{ url: databases[1].url, connections: BARE_CONNECTIONS },
    });
    const noTokens = Array.from({ length: CONNECTIONS }, () => '');
    const common = { method: 'POST', tokens: noTokens, naming: true, pace } as const;
    const results = await inRounds(pace.rounds, {
      product: () => shoot({ ...common, url: product.url, path: '/v1/webhooks/stripe', signing: WEBHOOK_SECRET }),
      bare: () => shoot({ ...common, url: bare.result, path: '/bare' }),
    });
    bare.stop();
    await product.stop();
    for (const database of databases) await database.drop();
    const [ours, theirs] = [results.product, results.bare];
    const detail = `${shown(median(ours.map(({ p99 }) => p99)))} ms to ${shown(median(theirs.map(({ p99 }) => p99)))} ms, ${shown(median(ours.map(({ perSecond }) => perSecond)))} webhooks/s to ${shown(median(theirs.map(({ perSecond }) => perSecond)))} inserts/s`;
    const p99 = (shots: readonly Shot[]): number[] => shots.map((shot) => shot.p99);
    return [{ id: 'webhook.p99', samples: ratios(p99(ours), p99(theirs)), detail }];
  },
};

interface Subscriber {
  readonly token: string;
  readonly customer: string;
  readonly subscription: string;
}

/** Starts the product and the Stripe simulator, with tenants that have a subscription. */
const openBilling = async (tenants: number) => {
  const database = await createEmptyDatabase();
  const catalogue = createCatalogue();
  const sim: StripeSim = await startStripeSim({
    ...{ secretKey: SECRET_KEY, webhookSecrets: [WEBHOOK_SECRET], prices: catalogue.products, logger: silentLogger },
  });
  const product = await startProduct(database.url, settings(sim.url));
  const owner = new Pool({ connectionString: database.url, max: 2 });
  const { hostname, port } = new URL(sim.url);
  const stripe = new Stripe(SECRET_KEY, { host: hostname, port, protocol: 'http' });
  const useCard = async (customer: string, card: string): Promise<void> => {
    const { id } = await stripe.paymentMethods.attach(card, { customer });
    await stripe.customers.update(customer, { invoice_settings: { default_payment_method: id } });
  };
  const subscribe = async (token: string): Promise<Subscriber> => {
    const { id: customer } = await stripe.customers.create({ name: 'Acme' });
    const { tenantId } = JSON.parse(principalOfToken(token)) as { tenantId: string };
    await owner.query(
      `insert into billing.customers (account, livemode, customer_id, tenant_id) values ('', false, $1, $2)`,
      [customer, tenantId],
    );
    await useCard(customer, 'pm_card_visa');
    const items = [{ price: catalogue.pricesOf('pro')?.price ?? '' }];
    return { token, customer, subscription: (await stripe.subscriptions.create({ customer, items })).id };
  };
  const subscribers: Subscriber[] = [];
  for (const token of await signUp(product.url, tenants)) subscribers.push(await subscribe(token));
  const count = async (sql: string): Promise<number> =>
    Number((await owner.query<{ n: string }>(`select count(*) as n from ${sql}`)).rows[0]?.n);
  return {
    ...{ sim, stripe, product, subscribers, useCard, count },
    deliver: () => sim.deliverTo(`${product.url}/v1/webhooks/stripe`),
    close: async () => {
      await product.stop();
      await sim.stop();
      await owner.end();
      await database.drop();
    },
  };
};

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  for (const end = Date.now() + 300_000; !(await holds()); await sleep(20))
    if (Date.now() > end) throw new Error('the expected state was not reached within 5 minutes');
};

/**
 * A burst of webhooks after an outage of the endpoint: each is stored, its customer is queried at Stripe and updated.
 */
export const webhookBurst: Group = {
  ids: ['webhook.burst'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const billing = await openBilling(CUSTOMERS);
    const { stripe, subscribers, count } = billing;
    const wanted = pace.short ? 2_000 : 10_000;
    for (let updated = 0; updated < wanted; updated += subscribers.length)
      await Promise.all(
        subscribers.map(({ subscription }) =>
          stripe.subscriptions.update(subscription, { cancel_at_period_end: (updated / subscribers.length) % 2 === 0 }),
        ),
      );
    const began = performance.now();
    billing.deliver();
    await until(async () => (await count(`billing.inbox where type = 'customer.subscription.updated'`)) >= wanted);
    const storedMs = performance.now() - began;
    await until(async () => (await count(`billing.inbox where state = 'pending'`)) === 0);
    const seconds = (performance.now() - began) / 1_000;
    const lost = await count(`billing.inbox where state not in ('handled', 'ignored')`);
    const right = await count(`read_model.billing where status = 'active' and cancel_at is null`);
    const all = await count('billing.inbox');
    await billing.close();
    if (lost > 0) throw new Error(`${lost} webhooks were not handled`);
    const detail = `${all} webhooks of ${CUSTOMERS} customers in ${shown(seconds)} s, stored after ${shown(storedMs / 1_000)} s; ${right} of ${CUSTOMERS} customers have the final state`;
    return [{ id: 'webhook.burst', samples: [all / seconds], detail }];
  },
};

/** The time from the payment at Stripe to the first accepted write, without any other load. */
export const unlocking: Group = {
  ids: ['unlock.p99'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const billing = await openBilling(pace.short ? 20 : CUSTOMERS);
    const { sim, stripe, subscribers, useCard, product, count } = billing;
    for (const { customer } of subscribers) await useCard(customer, 'pm_card_chargeCustomerFail');
    billing.deliver();
    sim.control.advance(MONTH_MS);
    await until(async () => (await count(`read_model.billing where lock = 'locked'`)) === subscribers.length);
    await sim.control.idle();
    const took: number[] = [];
    for (const { token, customer, subscription } of subscribers) {
      await useCard(customer, 'pm_card_visa');
      await sleep(100);
      const { latest_invoice: invoice } = await stripe.subscriptions.retrieve(subscription);
      const write = async (): Promise<boolean> => {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
        const body = JSON.stringify({ name: `Acme ${performance.now()}` });
        return (await fetch(`${product.url}/v1/tenant`, { method: 'PATCH', headers, body })).ok;
      };
      const began = performance.now();
      await stripe.invoices.pay(String(invoice));
      while (!(await write())) await sleep(2);
      took.push(performance.now() - began);
    }
    await billing.close();
    const detail = `p50 ${shown(median(took))} ms, ${took.length} tenants, from the payment at Stripe to the answer of the write`;
    return [{ id: 'unlock.p99', samples: [percentile(took, 0.99)], detail }];
  },
};
