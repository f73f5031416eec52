import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startLoad } from '../chaos/client';
import { freePort } from '../support/free-port';
import { type Account, type Asked, ask, rename, signUp } from './http';
import { sendUntilRefused } from './keep-alive';
import { endAll, type Product, root, until } from './start/product';
import { openSystem, type System } from './system';

jest.setTimeout(120_000);

const upTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);
const tally = (answers: readonly Asked[]): Record<number, number> => {
  const tallied: Record<number, number> = {};
  for (const { status } of answers) tallied[status] = (tallied[status] ?? 0) + 1;
  return tallied;
};

describe('two API processes and two workers on one database', () => {
  let system: System;
  let urls: [string, string];
  let apis: Product[];
  let workers: Product[];
  let account: Account;

  /** The first API has the Stripe on loopback, and all use it. */
  let stripe: Record<string, string>;
  const startApi = (): Product => system.start({ ROLE: 'api', ...stripe });
  const startWorker = async (): Promise<Product> => {
    const worker = system.start({ ROLE: 'worker', ...stripe });
    await until(() => worker.output().includes('is running in the background'), 60_000);
    return worker;
  };

  beforeAll(async () => {
    system = await openSystem();
    stripe = { STRIPE_SIM_PORT: String(await freePort()), BILLING_RETURN_ORIGINS: 'http://127.0.0.1' };
    apis = [startApi(), startApi()];
    const [one, two, ...rest] = await Promise.all([
      ...apis.map((it) => it.ready()),
      ...upTo(2).map(() => startWorker()),
    ]);
    urls = [String(one), String(two)];
    workers = rest as Product[];
    account = await signUp(urls[0]);
  });

  afterAll(async () => {
    await endAll();
    await system.close();
  });

  /** The `at`-th request goes to one process or the other. */
  const by = (at: number): string => urls[at % 2 === 0 ? 0 : 1];
  const nameIn = async (url: string, position: string | null): Promise<string> => {
    const read = await ask(url, '/v1/tenant', { token: account.token, headers: { 'if-position': position ?? '' } });
    return read.status === 200 ? (read.body.name ?? '') : `was answered ${read.status}`;
  };
  const versionNow = async (): Promise<string> =>
    (await ask(urls[0], '/v1/tenant', { token: account.token })).headers.get('etag') ?? '';
  const eventsOf = async (tenantId: string): Promise<{ version: number; name: string }[]> => {
    const { rows } = await system.owner.query(
      `select version, data ->> 'name' as name from event_log.events
       where aggregate_id = $1 and aggregate = 'tenant' order by version`,
      [tenantId],
    );
    return rows;
  };

  it('show on one what was written on the other, by its Position', async () => {
    for (const at of upTo(20)) {
      const written = await rename(by(at), account.token, `Round ${at}`);
      expect(written.status).toBe(200);
      expect(await nameIn(by(at + 1), written.headers.get('position'))).toBe(`Round ${at}`);
    }
  });

  it('buy on one what is shown on the other', async () => {
    const buyer = await signUp(urls[1]);
    const headers = { authorization: `Bearer ${buyer.token}`, 'content-type': 'application/json' };
    const body = { plan: 'pro', successUrl: 'http://127.0.0.1/', cancelUrl: 'http://127.0.0.1/' };
    const checkout = await fetch(`${urls[1]}/v1/billing/checkout`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const { url } = (await checkout.json()) as { url: string };
    await fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams({ card: '4242424242424242' }) });
    await until(async () => {
      const shown = (await (await fetch(`${urls[0]}/v1/billing`, { headers })).json()) as { plan: string };
      return shown.plan === 'pro';
    }, 20_000);
  });

  it('continue whichever worker is killed', async () => {
    for (const at of [0, 1]) {
      await workers[at]?.end('SIGKILL');
      const written = await rename(by(at), account.token, `Without worker ${at}`);
      const position = written.headers.get('position');
      expect([200, 202]).toContain(written.status);
      await until(async () => (await nameIn(by(at + 1), position)) === `Without worker ${at}`, 10_000);
      workers[at] = await startWorker();
    }
  });

  it('carry out one of fifty requests with one Idempotency-Key, and give all of them its answer', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const before = (await eventsOf(account.tenantId)).length;
    const insist = async (at: number): Promise<Asked> => {
      for (;;) {
        const answer = await rename(by(at), account.token, 'Once', headers);
        if (answer.status !== 409) return answer;
        expect(answer.body.type).toBe('/problems/request-in-progress');
        await sleep(20);
      }
    };
    const answers = await Promise.all(upTo(50).map(insist));
    const [first] = answers;
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual(first?.body);
      for (const name of ['etag', 'position']) expect(answer.headers.get(name)).toBe(first?.headers.get(name));
    }
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    expect((await eventsOf(account.tenantId)).slice(before)).toEqual([{ version: before + 1, name: 'Once' }]);
  });

  it('let exactly one of many win who saw the same version, again and again', async () => {
    for (const round of upTo(5)) {
      const headers = { 'if-match': await versionNow() };
      const answers = await Promise.all(
        upTo(20).map((at) => rename(by(at), account.token, `Winner ${round} ${at}`, headers)),
      );
      expect(tally(answers)).toEqual({ 200: 1, 412: 19 });
      const won = answers.find(({ status }) => status === 200);
      expect(await nameIn(by(round), won?.headers.get('position') ?? null)).toBe(won?.body.name);
    }
  });

  it('take each of many changes at the same time where the clients send no version', async () => {
    const before = (await eventsOf(account.tenantId)).length;
    const answers = await Promise.all(upTo(40).map((at) => rename(by(at), account.token, `Any ${at}`)));
    expect(tally(answers)).toEqual({ 200: 40 });
    const names = (await eventsOf(account.tenantId)).slice(before).map(({ name }) => name);
    expect(names.sort()).toEqual(
      upTo(40)
        .map((at) => `Any ${at}`)
        .sort(),
    );
  });

  it('rebuild a read model from the command line, while it is written and read, without a reader that sees less', async () => {
    const load = startLoad({ clients: 10, atOnce: 4, url: urls[0] });
    const seen: number[] = [];
    let building = true;
    const reading = (async () => {
      while (building) {
        seen.push(await rowsNow());
        const { status } = await ask(by(seen.length), '/v1/tenant', { token: account.token });
        expect(status).toBe(200);
      }
    })();
    for (const _ of upTo(3)) {
      const { stdout } = await tenantry('projections', 'rebuild', 'tenants');
      expect(stdout).toMatch(/tenants is rebuilt from \d+ events/);
    }
    building = false;
    await reading;
    await load.stop();
    expect(await system.complaints(load.api.companies)).toEqual([]);
    expect(seen.length).toBeGreaterThan(10);
    expect(Math.min(...seen)).toBeGreaterThan(0);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    const live = await hashOf();
    await tenantry('projections', 'rebuild', 'tenants');
    expect(await hashOf()).toBe(live);
  });

  it('tell of the worker too whether it lives, what it lacks and how far the read models are', async () => {
    const worker = probesOf(workers[0]);
    expect(await (await fetch(`${worker}/healthz`)).json()).toEqual({ status: 'ok' });
    const ready = await fetch(`${worker}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }]);
    for (const url of [worker, urls[0]]) {
      await until(async () => ((await metric(url, 'tenantry_projection_position', 'tenants')) ?? 0) > 0, 10_000);
      await until(async () => (await metric(url, 'tenantry_projection_lag_positions', 'tenants')) === 0, 10_000);
    }
    expect((await fetch(`${worker}/v1/me`)).status).toBe(404);
  });

  it('continue reading and writing with no worker at all, and the metrics of the API tell how long that is so', async () => {
    for (const worker of workers) await worker.end('SIGKILL');
    expect([200, 202]).toContain((await rename(urls[0], account.token, 'Nobody folds this')).status);
    const [lag, age] = ['tenantry_projection_lag_positions', 'tenantry_projection_behind_seconds'] as const;
    await until(async () => ((await metric(urls[1], lag, 'tenants')) ?? 0) > 0, 10_000);
    await until(async () => ((await metric(urls[1], age, 'tenants')) ?? 0) > 2, 10_000);
    expect((await fetch(`${urls[1]}/readyz`)).status).toBe(200);
    expect((await ask(urls[1], '/v1/tenant', { token: account.token })).status).toBe(200);
    workers = [await startWorker(), await startWorker()];
    await until(async () => (await metric(urls[1], age, 'tenants')) === 0, 20_000);
  });

  it('drop no accepted request when they get the signal to end', async () => {
    const accounts = await Promise.all(upTo(12).map((at) => signUp(by(at))));
    for (const at of [1, 0]) {
      const sending = sendUntilRefused(
        urls[at] ?? '',
        accounts.map(({ token }) => token),
        `Last of ${at}`,
      );
      await sleep(700);
      expect(await apis[at]?.end('SIGTERM')).toBe(0);
      const { answered, cut, refused } = await sending;
      expect(cut).toEqual([]);
      expect(refused).toBe(12);
      expect(answered.length).toBeGreaterThan(accounts.length);
      expect(answered.filter(({ status }) => status !== 200)).toEqual([]);
      const events = await Promise.all(accounts.map(({ tenantId }) => eventsOf(tenantId)));
      const names = new Set(events.flat().map(({ name }) => name));
      expect(answered.filter(({ name }) => !names.has(name))).toEqual([]);
      apis[at] = startApi();
      urls[at] = (await apis[at]?.ready()) ?? '';
    }
  });

  const probesOf = (worker: Product | undefined): string =>
    /Health +(\S+)\/readyz/.exec(worker?.output() ?? '')?.[1] ?? '';

  /** Undefined where the process does not tell it. */
  const metric = async (url: string, name: string, projection: string): Promise<number | undefined> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const value = new RegExp(`^${name}\\{projection="${projection}"\\} (\\S+)$`, 'm').exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  };

  const tenantry = (...words: string[]) =>
    promisify(execFile)(process.execPath, [join(root, 'dist/apps/cli/main.js'), ...words], {
      env: { PATH: process.env['PATH'], ...system.env },
    });

  const rowsNow = async (): Promise<number> => {
    const { rows } = await system.owner.query<{ n: number }>('select count(*)::int as n from read_model.tenants');
    return rows[0]?.n ?? 0;
  };

  const hashOf = async (): Promise<string> => {
    const { rows } = await system.owner.query<{ hash: string }>(
      `select md5(string_agg(t::text, '|' order by tenant_id)) as hash from read_model.tenants t`,
    );
    return rows[0]?.hash ?? '';
  };
});
