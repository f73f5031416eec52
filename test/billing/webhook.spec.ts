import { signature } from '#apps/stripe-sim/webhooks/sign';
import { endAll, until } from '../e2e/start/product';
import { SIM_SECRET } from './life';
import { now, OTHER_SECRET, openWebhook, type Webhook } from './webhook-scene';

jest.setTimeout(600_000);

describe('the webhook for Stripe', () => {
  let webhook: Webhook;
  beforeAll(async () => {
    webhook = await openWebhook();
  });
  afterAll(async () => {
    await endAll();
    await webhook.close();
  });

  it('accepts a body that was just signed with one of its secrets, and nothing else', async () => {
    const { eventOf, post } = webhook;
    const { text } = eventOf({ type: 'product.created' });
    expect((await post(text, signature(text, [SIM_SECRET], now()))).status).toBe(200);
    expect((await post(text, signature(text, [OTHER_SECRET], now()))).status).toBe(200);
    for (const [signed, body] of [
      [signature(text, ['whsec_ofAnotherServer'], now()), text],
      [signature(text, [SIM_SECRET], now() - 3_600), text],
      [signature(text, [SIM_SECRET], now() + 3_600), text],
      [signature(text, [SIM_SECRET], now()), `${text} `],
      ['', text],
      ['t=x,v1=y', text],
      // A header with two times: the present one, and the one that was signed.
      [`t=${now()},${signature(text, [SIM_SECRET], now() - 60)}`, text],
    ] as const) {
      const answer = await post(body, signed);
      expect([answer.status, ((await answer.json()) as { type: string }).type]).toEqual([
        400,
        '/problems/validation-failed',
      ]);
    }
  });

  it('stores an event once that arrives many times at once', async () => {
    const { eventOf, post, stateOf, system } = webhook;
    const { id, text } = eventOf({ type: 'product.created' });
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post(text, signature(text, [SIM_SECRET], now()))),
    );
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    const { rows } = await system.owner.query('select 1 from billing.inbox where event_id = $1', [id]);
    expect(rows).toHaveLength(1);
    expect(await stateOf(id)).toEqual(['ignored', null]);
  });

  it.each([
    ['of an unknown customer', {}, undefined, /does not belong to a tenant/],
    ['of the other mode', { livemode: true }, undefined, /live mode/],
    ['that names no customer', {}, { id: 'sub_1', object: 'subscription' }, /no customer/],
    ['of another account', { account: 'acct_other' }, undefined, /another Stripe account/],
  ])('answers 200 to an event %s, and quarantines it', async (_, more, object, reason) => {
    const { eventOf, post, stateOf } = webhook;
    const { id, text } = eventOf(more, object);
    expect((await post(text, signature(text, [SIM_SECRET], now()))).status).toBe(200);
    await until(async () => (await stateOf(id))[0] === 'quarantined', 20_000);
    expect((await stateOf(id))[1]).toMatch(reason);
  });

  it.each([
    'not JSON',
    '[]',
    '{"id":"evt_x"}',
    'null',
    '{"id":5,"type":"a","created":"now","data":{}}',
    '{"id":"evt_y","type":"a","created":1e300,"livemode":false,"data":{"object":{}}}',
    '{"id":"evt_y","type":"a","created":100000000000,"livemode":false,"data":{"object":{}}}',
    '{"id":"evt_\\u0000","type":"a","created":1,"livemode":false,"data":{"object":{}}}',
  ])('answers 200 to a signed body that cannot be read: %j', async (text) => {
    const { post } = webhook;
    expect((await post(text, signature(text, [SIM_SECRET], now()))).status).toBe(200);
  });

  it('stores nothing of a request without a signature', async () => {
    const { system, url } = webhook;
    const keys = async (): Promise<number> => (await system.owner.query('select 1 from idempotency.keys')).rows.length;
    const before = await keys();
    for (let at = 0; at < 5; at++) {
      const answer = await fetch(`${url}/v1/webhooks/stripe`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': `of-a-stranger-${at}` },
        body: '{}',
      });
      expect(answer.status).toBe(400);
    }
    expect(await keys()).toBe(before);
  });
});
