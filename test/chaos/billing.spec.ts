import { randomUUID } from 'node:crypto';
import { send } from '../billing/life';
import { becomes, callApi, DECLINES, openScene, origins, PAYS, portalOf, type Scene } from '../billing/scene';
import { endAll, until } from '../e2e/start/product';

jest.setTimeout(600_000);

/** The effect of a webhook event happens once: the product is killed while it processes a failed renewal. */
const checkWebhookOnce = async ({ start, startFailing, found, subscribe, sim, factsOf }: Scene, failpoint: string) => {
  const before = await start();
  const tenant = await found(before.url);
  await subscribe(before.url, tenant);
  await send(`${await portalOf(before.url, tenant)}/card`, { card: DECLINES });
  await sim.control.idle();
  await before.product.end('SIGTERM');
  const cut = await startFailing(failpoint);
  sim.control.advanceToNext();
  await cut.killed();
  const after = await start();
  await becomes(after.url, tenant, { lock: 'locked', status: 'past-due' });
  const portal = await portalOf(after.url, tenant);
  await send(`${portal}/card`, { card: PAYS });
  const open = /value="(in_\w+)"/.exec(await (await fetch(portal)).text())?.[1] ?? '';
  await send(`${portal}/pay`, { invoice: open });
  await becomes(after.url, tenant, { lock: 'none', status: 'active' });
  for (const [type, times] of [
    ['SubscriptionStarted', 1],
    ['PaymentFailed', 1],
    ['WorkspaceLocked', 1],
    ['WorkspaceUnlocked', 1],
    ['PaymentSucceeded', 2],
  ] as const)
    expect([type, await factsOf(tenant, type)]).toEqual([type, times]);
  await after.product.end('SIGTERM');
};

/** A charge happens once: the product is killed while it requests a change of the plan from Stripe. */
const checkChargeOnce = async ({ start, startFailing, found, subscribe, factsOf }: Scene, failpoint: string) => {
  const before = await start();
  const tenant = await found(before.url);
  await subscribe(before.url, tenant);
  await before.product.end('SIGTERM');
  const cut = await startFailing(failpoint);
  const key = randomUUID();
  await expect(callApi(cut.url, tenant, '/v1/billing/change', { plan: 'enterprise' }, key)).rejects.toThrow();
  await cut.killed();
  const after = await start();
  // The client repeats the request with its key. The answer is 409 until the claim of the dead process on the key
  // expires.
  const repeat = () => callApi(after.url, tenant, '/v1/billing/change', { plan: 'enterprise' }, key);
  await until(async () => (await repeat()).status !== 409, 60_000);
  expect((await repeat()).status).toBe(200);
  await becomes(after.url, tenant, { plan: 'enterprise' });
  expect(await factsOf(tenant, 'PaymentSucceeded')).toBe(2);
  await after.product.end('SIGTERM');
};

/** A reservation of a killed request is used by what it wrote, or released within a minute, and never both. */
const checkReservationOnce = async ({ system, start, startFailing, found }: Scene, failpoint: string) => {
  const before = await start();
  const tenant = await found(before.url);
  await before.product.end('SIGTERM');
  const cut = await startFailing(failpoint);
  const key = randomUUID();
  await expect(callApi(cut.url, tenant, '/v1/projects', { name: 'Interrupted' }, key)).rejects.toThrow();
  await cut.killed();
  const written = async (): Promise<number> =>
    (await system.owner.query(`select 1 from event_log.events where type = 'ProjectCreated'`)).rows.length;
  const after = await start();
  const create = () => callApi(after.url, tenant, '/v1/projects', { name: 'Website' });
  // The plan `free` allows three. The limit holds while the outcome of the killed request is not known.
  const answers = await Promise.all(Array.from({ length: 20 }, create));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
  expect(answers.filter(({ status }) => status === 402)).toHaveLength(18);
  if (failpoint === 'plans.reserved') {
    await until(async () => (await create()).status === 201, 60_000);
  } else {
    // The project that was written counts after its reservation has expired, too.
    await until(async () => (await system.owner.query('select 1 from plans.reservations')).rows.length === 0, 60_000);
  }
  expect((await create()).status).toBe(402);
  expect(await written()).toBe(3);
  await after.product.end('SIGTERM');
};

/**
 * The product is killed, as by `kill -9`, at each failpoint between Stripe and the log, while Stripe continues. Each
 * case has its own scene, and a few cases run at the same time, because they mostly wait until the leases of the dead
 * process expire.
 */
describe('billing that is interrupted by the death of the process', () => {
  /** Cases that run at the same time. */
  const AT_ONCE = 4;
  /** The slowest cases come first. */
  const cases: [string, (scene: Scene, failpoint: string) => Promise<void>][] = [
    ['plans.reserved', checkReservationOnce],
    ['plans.used', checkReservationOnce],
    ['billing.call-noted', checkChargeOnce],
    ['billing.call-answered', checkChargeOnce],
    ['billing.taken-in', checkWebhookOnce],
    ['billing.claimed', checkWebhookOnce],
    ['billing.fetched', checkWebhookOnce],
    ['billing.followed', checkWebhookOnce],
    ['billing.finished', checkWebhookOnce],
  ];
  const results = new Map<string, Promise<void>>();

  beforeAll(() => {
    const runCase = async (failpoint: string, work: (scene: Scene, failpoint: string) => Promise<void>) => {
      const scene = await openScene();
      try {
        await work(scene, failpoint);
      } finally {
        await scene.close();
      }
    };
    const waiting = cases.map(([failpoint, work]) => {
      let begin: () => Promise<void> = async () => undefined;
      const result = new Promise<void>((resolve, reject) => {
        begin = () => runCase(failpoint, work).then(resolve, reject);
      });
      result.catch(() => undefined);
      results.set(failpoint, result);
      return begin;
    });
    const runWaiting = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await next();
    };
    for (let at = 0; at < AT_ONCE; at++) void runWaiting();
  });
  afterAll(() => endAll());

  it.each(cases.map(([failpoint]) => failpoint))('happens once if the product is killed at %s', (failpoint) => {
    return results.get(failpoint);
  });
});

describe('billing while Stripe does not answer', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene();
  });
  afterAll(async () => {
    await endAll();
    await scene.close();
  });

  it('charges once if the answer to a charge is lost, and no other request waits for Stripe', async () => {
    const { product, url } = await scene.start();
    const tenant = await scene.found(url);
    await scene.subscribe(url, tenant);
    const key = randomUUID();
    scene.sim.control.addFault({ method: 'POST', path: '/v1/subscriptions', kind: 'reset-after', times: 20 });
    const answer = await callApi(url, tenant, '/v1/billing/change', { plan: 'enterprise' }, key);
    expect([answer.status, answer.body['type']]).toEqual([503, '/problems/dependency-unavailable']);
    expect((await callApi(url, tenant, '/v1/projects', { name: 'Website' })).status).toBe(201);
    scene.sim.control.clearFaults();
    // The webhook event reports the charge, and a repeated request succeeds without another one.
    await becomes(url, tenant, { plan: 'enterprise' });
    expect((await callApi(url, tenant, '/v1/billing/change', { plan: 'enterprise' }, key)).status).toBe(200);
    expect(await scene.factsOf(tenant, 'PaymentSucceeded')).toBe(2);
    await product.end('SIGTERM');
  });

  it('answers a checkout with 503 while Stripe is not available, and works again when it is', async () => {
    const { product, url } = await scene.start();
    const [tenant, other] = [await scene.found(url), await scene.found(url)];
    await scene.subscribe(url, tenant);
    scene.sim.control.addFault({ method: 'POST', path: '/v1', kind: 'reset-before', times: 50 });
    scene.sim.control.addFault({ method: 'GET', path: '/v1', kind: 'answer-500', times: 50 });
    const refused = await callApi(url, other, '/v1/billing/checkout', { plan: 'pro', ...origins });
    expect([refused.status, refused.body['type']]).toEqual([503, '/problems/dependency-unavailable']);
    expect((await callApi(url, tenant, '/v1/billing')).body['plan']).toBe('pro');
    expect((await callApi(url, other, '/v1/projects', { name: 'Website' })).status).toBe(201);
    scene.sim.control.clearFaults();
    await until(
      async () => (await callApi(url, other, '/v1/billing/checkout', { plan: 'pro', ...origins })).status === 201,
      30_000,
    );
    await product.end('SIGTERM');
  });

  it('ends in the state that Stripe has, even if webhook events arrive twice, late, in any order or never', async () => {
    const { product, url } = await scene.start();
    const tenants = await Promise.all(Array.from({ length: 5 }, () => scene.found(url)));
    scene.sim.control.setChaos({ duplicate: 0.5, drop: 0.2, delayMs: 100, reorder: 6 });
    for (const tenant of tenants) {
      const { body } = await callApi(url, tenant, '/v1/billing/checkout', { plan: 'pro', ...origins });
      await send(String(body['url']), { card: PAYS });
      await send(`${await portalOf(url, tenant)}/card`, { card: DECLINES });
    }
    for (let step = 0; step < 5; step++) scene.sim.control.advanceToNext();
    await scene.sim.control.idle(30_000);
    scene.sim.control.setChaos({});
    // The reconciliation finds the events that were never delivered.
    await scene.system.owner.query("select billing.ask('', false, null)");
    for (const tenant of tenants) await becomes(url, tenant, { plan: 'pro', lock: 'locked', status: 'past-due' });
    await product.end('SIGTERM');
  });
});
