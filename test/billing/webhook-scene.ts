import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../e2e/start/product';
import { openSystem } from '../e2e/system';
import { SIM_KEY, SIM_SECRET, startSim } from './life';

const run = promisify(execFile);

/** The webhook also accepts bodies that are signed with this secret. */
export const OTHER_SECRET = 'whsec_rolledInLastWeek';

/** Why operators do what they do in these tests. */
export const REASON = 'a test of operators';

/** Seconds since 1970. */
export const now = (): number => Math.floor(Date.now() / 1_000);

/** Starts the product and a simulated Stripe that does not deliver its events, and signs up a tenant. */
export const openWebhook = async () => {
  const system = await openSystem();
  const sim = await startSim();
  const env = {
    ...{ STRIPE_SECRET_KEY: SIM_KEY, STRIPE_WEBHOOK_SECRETS: `${SIM_SECRET},${OTHER_SECRET}` },
    ...{ STRIPE_API_URL: sim.url, BILLING_RETURN_ORIGINS: 'http://127.0.0.1', PLANS: 'catalogue' },
  };
  const url = await system.start(env).ready();

  const signUp = async (personName: string): Promise<[token: string, tenantId: string]> => {
    const email = `${personName.toLowerCase()}@acme.example`;
    const signedUp = await fetch(`${url}/v1/signup`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ companyName: 'Acme', personName, email, password: 'correct horse battery' }),
    });
    const answer = (await signedUp.json()) as { accessToken: string; tenant: { id: string } };
    return [answer.accessToken, answer.tenant.id];
  };
  const [token, tenantId] = await signUp('Ada');

  const post = (body: string, signed: string): Promise<Response> =>
    fetch(`${url}/v1/webhooks/stripe`, {
      ...{ method: 'POST', body },
      headers: { 'content-type': 'application/json', 'stripe-signature': signed },
    });
  let events = 0;
  const eventOf = (
    more: object = {},
    object: object = { id: 'sub_1', object: 'subscription', customer: 'cus_unknown' },
  ) => {
    const id = `evt_spec${++events}`;
    const type = 'customer.subscription.updated';
    return {
      id,
      text: JSON.stringify({ id, object: 'event', type, created: now(), livemode: false, data: { object }, ...more }),
    };
  };
  const stateOf = async (id: string): Promise<[state: string, reason: string | null]> => {
    const { rows } = await system.owner.query<{ state: string; reason: string | null }>(
      'select state, reason from billing.inbox where event_id = $1',
      [id],
    );
    return [rows[0]?.state ?? 'unknown', rows[0]?.reason ?? null];
  };
  /** Runs the CLI as the operator `grace`. */
  const tenantry = (...words: string[]) =>
    run(process.execPath, [join(root, 'dist/apps/cli/main.js'), ...words, '--as', 'grace', '--reason', REASON], {
      env: { ...process.env, ...system.env, ...env },
    });

  return {
    ...{ system, sim, url, token, tenantId, signUp, post, eventOf, stateOf, tenantry },
    close: async (): Promise<void> => {
      await sim.stop();
      await system.close();
    },
  };
};
export type Webhook = Awaited<ReturnType<typeof openWebhook>>;
