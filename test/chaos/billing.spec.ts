import { randomUUID } from 'node:crypto';
import { send } from '../billing/life';
import { ask, becomes, DECLINES, openScene, origins, PAYS, portalOf, type Scene } from '../billing/scene';
import { endAll, until } from '../e2e/start/product';

jest.setTimeout(300_000);

/** What a webhook told is done once: a renewal that fails, and is killed while it is worked on. */
const toldOnce = async ({ start, startFailing, found, subscribe, sim, factsOf }: Scene, failpoint: string) => {
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

/** What was asked of Stripe is charged once: a change of the plan, killed while Stripe is asked for it. */
const chargedOnce = async ({ start, startFailing, found, subscribe, factsOf }: Scene, failpoint: string) => {
  const before = await start();
  const tenant = await found(before.url);
  await subscribe(before.url, tenant);
  await before.product.end('SIGTERM');
  const cut = await startFailing(failpoint);
  const key = randomUUID();
  await expect(ask(cut.url, tenant, '/v1/billing/change', { plan: 'enterprise' }, key)).rejects.toThrow();
  await cut.killed();
  const after = await start();
  // The client repeats it with its key; where it does not, the sweeper does.
  // 409 until the dead process' claim on the key runs out.
  const repeat = () => ask(after.url, tenant, '/v1/billing/change', { plan: 'enterprise' }, key);
  await until(async () => (await repeat()).status !== 409, 60_000);
  expect((await repeat()).status).toBe(200);
  await becomes(after.url, tenant, { plan: 'enterprise' });
  expect(await factsOf(tenant, 'PaymentSucceeded')).toBe(2);
  await after.product.end('SIGTERM');
};

/** A place that a killed request has reserved is taken by what it wrote, or free again within a minute: never both. */
const placedOnce = async ({ system, start, startFailing, found }: Scene, failpoint: string) => {
  const before = await start();
  const tenant = await found(before.url);
  await before.product.end('SIGTERM');
  const cut = await startFailing(failpoint);
  const key = randomUUID();
  await expect(ask(cut.url, tenant, '/v1/projects', { name: 'Interrupted' }, key)).rejects.toThrow();
  await cut.killed();
  const written = async (): Promise<number> =>
    (await system.owner.query(`select 1 from event_log.events where type = 'ProjectCreated'`)).rows.length;
  const after = await start();
  const create = () => ask(after.url, tenant, '/v1/projects', { name: 'Website' });
  // Free sells three. Nobody passes that while it is not known what became of the one.
  const answers = await Promise.all(Array.from({ length: 20 }, create));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
  expect(answers.filter(({ status }) => status === 402)).toHaveLength(18);
  if (failpoint === 'plans.reserved') {
    await until(async () => (await create()).status === 201, 60_000);
  } else {
    // The place of what was written stays taken when the time of its reservation is over.
    await until(async () => (await system.owner.query('select 1 from plans.reservations')).rows.length === 0, 60_000);
  }
  expect((await create()).status).toBe(402);
  expect(await written()).toBe(3);
  await after.product.end('SIGTERM');
};

/**
 * The product is killed at each named point of the way from Stripe to the log, as `kill -9` would; Stripe continues. Each has
 * a scene of its own, a few at a time: most of their time is spent waiting for what a dead process still has.
 */
describe('money, where the process does not survive', () => {
  const PARTITIONS = 4;
  /** Those that take longest come first. */
  const cases: [string, (scene: Scene, failpoint: string) => Promise<void>][] = [
    ['plans.reserved', placedOnce],
    ['plans.used', placedOnce],
    ['billing.call-noted', chargedOnce],
    ['billing.call-answered', chargedOnce],
    ['billing.taken-in', toldOnce],
    ['billing.claimed', toldOnce],
    ['billing.fetched', toldOnce],
    ['billing.followed', toldOnce],
    ['billing.finished', toldOnce],
  ];
  const results = new Map<string, Promise<void>>();

  beforeAll(() => {
    const carryOut = async (failpoint: string, work: (scene: Scene, failpoint: string) => Promise<void>) => {
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
        begin = () => carryOut(failpoint, work).then(resolve, reject);
      });
      result.catch(() => undefined);
      results.set(failpoint, result);
      return begin;
    });
    const partition = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) await next();
    };
    for (let at = 0; at < PARTITIONS; at++) void partition();
  });
  afterAll(() => endAll());

  it.each(cases.map(([failpoint]) => failpoint))('all is done once, killed at %s', (failpoint) => {
    return results.get(failpoint);
  });
});

describe('money, where Stripe does not answer', () => {
  let scene: Scene;

  beforeAll(async () => {
    scene = await openScene();
  });
  afterAll(async () => {
    await endAll();
    await scene.close();
  });

  it('a charge whose answer never came is one charge, and nothing else waits for Stripe', async () => {
    const { product, url } = await scene.start();
    const tenant = await scene.found(url);
    await scene.subscribe(url, tenant);
    const key = randomUUID();
    scene.sim.control.addFault({ method: 'POST', path: '/v1/subscriptions', kind: 'reset-after', times: 20 });
    const lost = await ask(url, tenant, '/v1/billing/change', { plan: 'enterprise' }, key);
    expect([lost.status, lost.body['type']]).toEqual([503, '/problems/dependency-unavailable']);
    expect((await ask(url, tenant, '/v1/projects', { name: 'Website' })).status).toBe(201);
    scene.sim.control.clearFaults();
    // Its webhook tells what came of it, and a repeat finds it done.
    await becomes(url, tenant, { plan: 'enterprise' });
    expect((await ask(url, tenant, '/v1/billing/change', { plan: 'enterprise' }, key)).status).toBe(200);
    expect(await scene.factsOf(tenant, 'PaymentSucceeded')).toBe(2);
    await product.end('SIGTERM');
  });

  it('Stripe away is a 503 for checkout, and what it told meanwhile is found when it is back', async () => {
    const { product, url } = await scene.start();
    const [tenant, other] = [await scene.found(url), await scene.found(url)];
    await scene.subscribe(url, tenant);
    scene.sim.control.addFault({ method: 'POST', path: '/v1', kind: 'reset-before', times: 50 });
    scene.sim.control.addFault({ method: 'GET', path: '/v1', kind: 'answer-500', times: 50 });
    const refused = await ask(url, other, '/v1/billing/checkout', { plan: 'pro', ...origins });
    expect([refused.status, refused.body['type']]).toEqual([503, '/problems/dependency-unavailable']);
    expect((await ask(url, tenant, '/v1/billing')).body['plan']).toBe('pro');
    expect((await ask(url, other, '/v1/projects', { name: 'Website' })).status).toBe(201);
    scene.sim.control.clearFaults();
    await until(
      async () => (await ask(url, other, '/v1/billing/checkout', { plan: 'pro', ...origins })).status === 201,
      30_000,
    );
    await product.end('SIGTERM');
  });

  it('webhooks that come twice, late, in any order or never end in what Stripe has', async () => {
    const { product, url } = await scene.start();
    const companies = await Promise.all(Array.from({ length: 5 }, () => scene.found(url)));
    scene.sim.control.setChaos({ duplicate: 0.5, drop: 0.2, delayMs: 100, reorder: 6 });
    for (const tenant of companies) {
      const { body } = await ask(url, tenant, '/v1/billing/checkout', { plan: 'pro', ...origins });
      await send(String(body['url']), { card: PAYS });
      await send(`${await portalOf(url, tenant)}/card`, { card: DECLINES });
    }
    for (let step = 0; step < 5; step++) scene.sim.control.advanceToNext();
    await scene.sim.control.idle(30_000);
    scene.sim.control.setChaos({});
    // What was never delivered, reconciliation finds.
    await scene.system.owner.query("select billing.ask('', false, null)");
    for (const tenant of companies) await becomes(url, tenant, { plan: 'pro', lock: 'locked', status: 'past-due' });
    await product.end('SIGTERM');
  });
});
