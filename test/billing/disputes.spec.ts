import Stripe from 'stripe';
import { endAll, until } from '../e2e/start/product';
import { SIM_KEY } from './life';
import { becomes, callApi, openScene, type Scene, type Tenant } from './scene';

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
  const decisions = async (): Promise<string[]> => {
    const { body } = await callApi(url, tenant, '/v1/billing/why');
    const data = body['data'] as { decision: string; position: string }[];
    // A token: readable positions would reveal how much other tenants do.
    for (const { position } of data) expect(position).toMatch(/^[\w-]{22}$/);
    return data.map(({ decision }) => decision);
  };

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
