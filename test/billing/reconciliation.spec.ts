import { endAll, until } from '../e2e/start/product';
import { send } from './life';
import { openWebhook, type Webhook } from './webhook-scene';

jest.setTimeout(600_000);

describe('the webhook for Stripe', () => {
  let webhook: Webhook;
  beforeAll(async () => {
    webhook = await openWebhook();
    await webhook.tenantry('operators', 'add', 'grace');
  });
  afterAll(async () => {
    await endAll();
    await webhook.close();
  });

  const buy = async (bearer: string): Promise<void> => {
    const body = { plan: 'pro', successUrl: 'http://127.0.0.1/', cancelUrl: 'http://127.0.0.1/' };
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const checkout = await fetch(`${webhook.url}/v1/billing/checkout`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    await send(((await checkout.json()) as { url: string }).url, { card: '4242424242424242' });
  };
  const billing = async (): Promise<{ plan: string; status: string | null }> =>
    (await (
      await fetch(`${webhook.url}/v1/billing`, { headers: { authorization: `Bearer ${webhook.token}` } })
    ).json()) as never;

  it('is not needed for a change that reconciliation finds and records', async () => {
    const { signUp, tenantId, tenantry, token } = webhook;
    // No endpoint is set: the simulator keeps its events.
    const [bearer, other] = await signUp('Grace');
    await Promise.all([buy(token), buy(bearer)]);
    const { stdout } = await tenantry('billing', 'reconcile', '--tenant', tenantId);
    expect(stdout).toMatch(/compared 1 customers, corrected 1/);
    expect(stdout).toContain('SubscriptionStarted');
    expect(stdout).not.toContain(other);
    expect(await billing()).toMatchObject({ plan: 'pro', status: 'active' });
    expect((await tenantry('billing', 'reconcile', '--tenant', tenantId)).stdout).toMatch(/corrected 0/);
    expect((await tenantry('billing', 'reconcile', '--tenant', other)).stdout).toContain(`${other}: `);
    const unknown = '00000000-0000-7000-8000-000000000000';
    await expect(tenantry('billing', 'reconcile', '--tenant', unknown)).rejects.toThrow(
      `there is no tenant ${unknown}`,
    );
  });

  it('changes nothing if it reports a change after reconciliation', async () => {
    const { sim, system, tenantId, url } = webhook;
    const countEvents = async (): Promise<number> =>
      (await system.owner.query('select 1 from event_log.events where tenant_id = $1', [tenantId])).rows.length;
    const before = await countEvents();
    sim.deliverTo(`${url}/v1/webhooks/stripe`);
    await sim.control.idle(120_000);
    await until(async () => {
      const { rows } = await system.owner.query(`select 1 from billing.inbox where state = 'pending' limit 1`);
      return rows.length === 0;
    }, 30_000);
    expect(await countEvents()).toBe(before);
  });

  it('does not change the terms on which an operator agreed with a tenant', async () => {
    const { system, tenantId, tenantry } = webhook;
    const { stdout } = await tenantry('plans', 'agree', tenantId, 'enterprise', '--seats', '500');
    expect(stdout).toContain('"seats":500');
    expect((await tenantry('plans', 'agree', tenantId, 'enterprise', '--seats', '500')).stdout).toContain(
      'these terms already apply',
    );
    const { rows } = await system.owner.query<{ actors: string[]; tenants: string[] }>(
      `select array_agg(distinct p.actor_kind::text || ' ' || p.actor_id) as actors, array_agg(distinct o.data ->> 'tenantId') as tenants
       from event_log.events p join event_log.events o using (correlation_id)
       where p.type = 'PlanChanged' and o.type = 'OperatorActed' and p.actor_id = o.actor_id and p.tenant_id = $1`,
      [tenantId],
    );
    expect(rows).toEqual([{ actors: [expect.stringMatching(/^o [0-9a-f-]{36}$/)], tenants: [tenantId] }]);
  });
});
