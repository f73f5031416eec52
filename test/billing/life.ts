import Stripe from 'stripe';
import { type StripeSim, startStripeSim } from '#apps/stripe-sim/start';
import { createStripeGateway } from '#billing/stripe/stripe-gateway';
import type { StripeSnapshot } from '#billing/stripe-snapshot';
import { createCatalogue } from '#plans/catalogue/index';
import { silentLogger } from '#platform/logging/logger.port';

export const SIM_KEY = 'sk_test_ofTheseTests';
export const SIM_SECRET = 'whsec_ofTheseTests';
export const DAY_MS = 86_400_000;
export const catalogue = createCatalogue();

export const startSim = (dataDir?: string): Promise<StripeSim> =>
  startStripeSim({
    ...{ secretKey: SIM_KEY, webhookSecrets: [SIM_SECRET], prices: catalogue.products, logger: silentLogger, dataDir },
  });

/** Submits a form of a page of the simulated Stripe, as a browser does. */
export const send = (url: string, form: Record<string, string> = {}): Promise<Response> =>
  fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(form) });

/** An event of Stripe, and the state of the customer just after it. */
export interface Moment {
  readonly id: string;
  readonly type: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly snapshot: StripeSnapshot;
}

/**
 * Records the events of a subscription, with the state of the customer after each step: created, on trial, paid,
 * failed, paid by another card, upgraded, ended. The events of one step share a second and the state after that step.
 */
export const recordLife = async (): Promise<Moment[]> => {
  const sim = await startSim();
  const gateway = createStripeGateway({ secretKey: SIM_KEY, url: sim.url });
  const customer = await gateway.createCustomer('tenant', 'Acme', 'customer');
  const moments: Moment[] = [];
  const known = new Set<string>();
  const recordStep = async (): Promise<void> => {
    const snapshot = await gateway.snapshot(customer, { invoices: true, customer: true });
    const added: Moment[] = [];
    for await (const page of gateway.events(0))
      for (const text of page) {
        const { id, type, created } = JSON.parse(text) as Moment;
        if (!known.has(id)) added.push({ id, type, created, snapshot });
        known.add(id);
      }
    moments.push(...added.reverse());
  };
  const { hostname, port } = new URL(sim.url);
  const stripe = new Stripe(SIM_KEY, { host: hostname, port, protocol: 'http', maxNetworkRetries: 0 });
  const price = (plan: 'pro' | 'enterprise') => [{ price: catalogue.pricesOf(plan)?.price ?? '', quantity: 1 }];
  const { url } = await stripe.checkout.sessions.create({
    ...{ mode: 'subscription', customer, line_items: price('pro'), success_url: 'http://127.0.0.1/' },
    subscription_data: { trial_period_days: 10 },
  });
  await send(url ?? '', { card: '4242424242424242' });
  await recordStep();
  // First the event that the trial ends soon, and then its end.
  sim.control.advanceToNext();
  await recordStep();
  sim.control.advanceToNext();
  await recordStep();
  const portal = await gateway.createPortal(customer, 'http://127.0.0.1/', 'portal');
  sim.control.advanceToNext();
  await recordStep();
  await send(`${portal}/card`, { card: '4000000000000341' });
  sim.control.advanceToNext();
  await recordStep();
  sim.control.advanceToNext();
  await recordStep();
  await send(`${portal}/card`, { card: '4242424242424242' });
  const open = (await gateway.snapshot(customer, { invoices: true, customer: false })).invoices.find(
    ({ status }) => status === 'open',
  );
  await send(`${portal}/pay`, { invoice: open?.id ?? '' });
  await recordStep();
  const subscription = moments.at(-1)?.snapshot.subscriptions[0]?.id ?? '';
  const items = await gateway.itemsFor(subscription, price('enterprise'));
  await gateway.change({ subscriptionId: subscription, items, at: sim.control.now() }, 'upgrade');
  await recordStep();
  await gateway.change({ subscriptionId: subscription, items: [], at: sim.control.now() }, 'cancel');
  await recordStep();
  sim.control.advanceToNext();
  await recordStep();
  await sim.stop();
  return moments;
};
