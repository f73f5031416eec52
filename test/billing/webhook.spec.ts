import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { StripeSim } from '#apps/stripe-sim/start';
import { signature } from '#apps/stripe-sim/webhooks/sign';
import { endAll, root, until } from '../e2e/start/product';
import { openSystem, type System } from '../e2e/system';
import { SIM_KEY, SIM_SECRET, send, startSim } from './life';

const run = promisify(execFile);
const OTHER_SECRET = 'whsec_rolledInLastWeek';

jest.setTimeout(600_000);

/** Why operators do what they do in these tests. */
const REASON = 'a test of operators';

describe('the webhook for Stripe', () => {
  let system: System;
  let sim: StripeSim;
  let url: string;
  let token: string;
  let tenantId: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    system = await openSystem();
    sim = await startSim();
    env = {
      ...{ STRIPE_SECRET_KEY: SIM_KEY, STRIPE_WEBHOOK_SECRETS: `${SIM_SECRET},${OTHER_SECRET}` },
      ...{ STRIPE_API_URL: sim.url, BILLING_RETURN_ORIGINS: 'http://127.0.0.1', PLANS: 'catalogue' },
    };
    url = await system.start(env).ready();
    [token, tenantId] = await signUp('Ada');
    await tenantry('operators', 'add', 'grace');
  });
  afterAll(async () => {
    await endAll();
    await sim.stop();
    await system.close();
  });

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
  const buy = async (bearer: string): Promise<void> => {
    const body = { plan: 'pro', successUrl: 'http://127.0.0.1/', cancelUrl: 'http://127.0.0.1/' };
    const headers = { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' };
    const checkout = await fetch(`${url}/v1/billing/checkout`, { method: 'POST', headers, body: JSON.stringify(body) });
    await send(((await checkout.json()) as { url: string }).url, { card: '4242424242424242' });
  };
  const now = (): number => Math.floor(Date.now() / 1_000);
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
  const tenantry = (...words: string[]) =>
    run(process.execPath, [join(root, 'dist/apps/cli/main.js'), ...words, '--as', 'grace', '--reason', REASON], {
      env: { ...process.env, ...system.env, ...env },
    });
  /** What operators did to an event of Stripe, as the event log has it. */
  const actionsOn = async (target: string): Promise<object[]> => {
    const { rows } = await system.owner.query<{ data: object }>(
      `select data from event_log.events where type = 'OperatorActed' and data ->> 'target' = $1 order by position`,
      [target],
    );
    return rows.map(({ data }) => data);
  };
  const billing = async (): Promise<{ plan: string; status: string | null }> =>
    (await (await fetch(`${url}/v1/billing`, { headers: { authorization: `Bearer ${token}` } })).json()) as never;

  it('accepts a body that was just signed with one of its secrets, and nothing else', async () => {
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
    expect((await post(text, signature(text, [SIM_SECRET], now()))).status).toBe(200);
  });

  it('stores nothing of a request without a signature', async () => {
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

  it('has events that operators can retry: the event is read again, and the new state is printed', async () => {
    const { id, text } = eventOf({ livemode: true });
    await post(text, signature(text, [SIM_SECRET], now()));
    expect((await tenantry('billing', 'retry', id)).stdout).toContain('quarantined: it is a live mode event');
    expect(await stateOf(id)).toEqual(['quarantined', 'it is a live mode event, and this server uses test mode']);
  });

  it('has events that operators can list, show, retry and skip', async () => {
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

  it('is not needed for a change that reconciliation finds and records', async () => {
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
