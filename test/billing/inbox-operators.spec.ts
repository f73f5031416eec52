import { signature } from '#apps/stripe-sim/webhooks/sign';
import { endAll, until } from '../e2e/start/product';
import { SIM_SECRET } from './life';
import { now, openWebhook, REASON, type Webhook } from './webhook-scene';

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

  /** What operators did to an event of Stripe, as the event log has it. */
  const actionsOn = async (target: string): Promise<object[]> => {
    const { rows } = await webhook.system.owner.query<{ data: object }>(
      `select data from event_log.events where type = 'OperatorActed' and data ->> 'target' = $1 order by position`,
      [target],
    );
    return rows.map(({ data }) => data);
  };

  it('has events that operators can retry: the event is read again, and the new state is printed', async () => {
    const { eventOf, post, stateOf, tenantry } = webhook;
    const { id, text } = eventOf({ livemode: true });
    await post(text, signature(text, [SIM_SECRET], now()));
    expect((await tenantry('billing', 'retry', id)).stdout).toContain('quarantined: it is a live mode event');
    expect(await stateOf(id)).toEqual(['quarantined', 'it is a live mode event, and this server uses test mode']);
  });

  it('has events that operators can list, show, retry and skip', async () => {
    const { eventOf, post, stateOf, tenantry } = webhook;
    const { id, text } = eventOf();
    await post(text, signature(text, [SIM_SECRET], now()));
    await until(async () => (await stateOf(id))[0] === 'quarantined', 20_000);
    expect((await tenantry('billing', 'inbox')).stdout).toMatch(/quarantined +\d+/);
    expect((await tenantry('billing', 'inbox', 'quarantined')).stdout).toContain(id);
    expect((await tenantry('billing', 'show', id)).stdout).toContain('cus_unknown');
    expect((await tenantry('billing', 'retry', id)).stdout).toContain('will process');
    await until(async () => (await stateOf(id))[0] === 'quarantined', 20_000);
    expect((await tenantry('billing', 'skip', id)).stdout).toContain('skipped');
    expect(await stateOf(id)).toEqual(['skipped', expect.any(String)]);
    await expect(tenantry('billing', 'skip', id)).rejects.toThrow(/does not allow to skip it/);
    await expect(tenantry('billing', 'show', 'evt_never')).rejects.toThrow(/contains no event/);
  });

  it('has events that operators, and no other users, can show and skip over HTTP', async () => {
    const { eventOf, post, stateOf, tenantry, token, url } = webhook;
    const { id, text } = eventOf();
    await post(text, signature(text, [SIM_SECRET], now()));
    await until(async () => (await stateOf(id))[0] === 'quarantined', 20_000);
    const operator = (await tenantry('operators', 'token')).stdout.match(/[\w-]+\.[\w-]+\.[\w-]+/)?.[0];
    const ops = (path: string, bearer: string | undefined, method = 'GET', body: object = { reason: REASON }) =>
      fetch(`${url}/ops/billing/${path}`, {
        method,
        headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
        ...(method === 'POST' && { body: JSON.stringify(body) }),
      });
    for (const path of ['inbox', `inbox/${id}`]) expect((await ops(path, token)).status).toBe(401);
    expect((await ops('reconcile', token, 'POST')).status).toBe(401);
    const { data } = (await (await ops('inbox?state=quarantined', operator)).json()) as { data: { eventId: string }[] };
    expect(data.map(({ eventId }) => eventId)).toContain(id);
    expect((await ops(`inbox/${id}`, operator)).status).toBe(200);
    expect((await ops('inbox/evt_never', operator)).status).toBe(404);
    expect((await ops(`inbox/${id}/skip`, operator, 'POST', {})).status).toBe(400);
    expect((await ops(`inbox/${id}/skip`, operator, 'POST')).status).toBe(204);
    expect((await ops(`inbox/${id}/skip`, operator, 'POST')).status).toBe(409);
    expect((await ops('reconcile', operator, 'POST')).status).toBe(202);
    await until(async () => (await actionsOn(id)).length === 2, 20_000);
    expect(await actionsOn(id)).toEqual([
      { action: 'billing.skip', target: id, tenantId: null, reason: REASON, at: expect.any(String) },
      { action: 'billing.skip', target: id, tenantId: null, reason: REASON, at: expect.any(String) },
    ]);
  });
});
