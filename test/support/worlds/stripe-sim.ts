import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Stripe from 'stripe';
import { type StripeSim, startStripeSim } from '#apps/stripe-sim/start';
import { createCatalogue } from '#plans/catalogue/index';
import { silentLogger } from '#platform/logging/logger.port';

export const KEY = 'sk_test_ofTheSimulation';
export const SECRETS = ['whsec_ofTheSimulation', 'whsec_theNext'];
const catalogue = createCatalogue();
export const PRO = catalogue.pricesOf('pro')?.price ?? '';
export const SEAT = catalogue.pricesOf('pro')?.seat ?? '';
export const ENTERPRISE = catalogue.pricesOf('enterprise')?.price ?? '';
export const DAY_MS = 86_400_000;

/** Starts the Stripe simulator, with an endpoint that receives its webhooks. */
export const useStripeSim = () => {
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

  return {
    subscribe,
    useCard,
    typesOf,
    customer,
    listen,
    open,
    get sim() {
      return sim;
    },
    get stripe() {
      return stripe;
    },
    get refusing() {
      return refusing;
    },
    set refusing(value) {
      refusing = value;
    },
    get received() {
      return received;
    },
    set received(value) {
      received = value;
    },
    get dir() {
      return dir;
    },
  };
};
