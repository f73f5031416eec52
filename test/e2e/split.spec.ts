import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { startLoad } from '../chaos/client';
import { freePort } from '../support/free-port';
import { type Account, type Answer, rename, send, signUp } from './http';
import { sendUntilRefused } from './keep-alive';
import { endAll, type Product, root, until } from './start/product';
import { openSystem, type System } from './system';

jest.setTimeout(600_000);

const numbersUpTo = (count: number): number[] => Array.from({ length: count }, (_, at) => at + 1);
const countByStatus = (answers: readonly Answer[]): Record<number, number> => {
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
};

describe('two API processes and two workers on one database', () => {
  let system: System;
  let urls: [string, string];
  let apis: Product[];
  let workers: Product[];
  let account: Account;

  /** Settings of the Stripe simulator: the first API process runs it, and all processes use it. */
  let stripeSettings: Record<string, string>;
  const startApi = (): Product => system.start({ ROLE: 'api', ...stripeSettings });
  const startWorker = async (): Promise<Product> => {
    const worker = system.start({ ROLE: 'worker', ...stripeSettings });
    await until(() => worker.output().includes('is running in the background'), 60_000);
    return worker;
  };

  beforeAll(async () => {
    system = await openSystem();
    stripeSettings = { STRIPE_SIM_PORT: String(await freePort()), BILLING_RETURN_ORIGINS: 'http://127.0.0.1' };
    apis = [startApi(), startApi()];
    const [firstUrl, secondUrl, ...started] = await Promise.all([
      ...apis.map((it) => it.ready()),
      ...numbersUpTo(2).map(() => startWorker()),
    ]);
    urls = [String(firstUrl), String(secondUrl)];
    workers = started as Product[];
    account = await signUp(urls[0]);
  });

  afterAll(async () => {
    await endAll();
    await system.close();
  });

  /** Sends requests to the two API processes alternately. */
  const urlFor = (number: number): string => urls[number % 2 === 0 ? 0 : 1];
  const nameIn = async (url: string, position: string | null): Promise<string> => {
    const read = await send(url, '/v1/tenant', { token: account.token, headers: { 'if-position': position ?? '' } });
    return read.status === 200 ? (read.body.name ?? '') : `status ${read.status}`;
  };
  const currentETag = async (): Promise<string> =>
    (await send(urls[0], '/v1/tenant', { token: account.token })).headers.get('etag') ?? '';
  const eventsOf = async (tenantId: string): Promise<{ version: number; name: string }[]> => {
    const { rows } = await system.owner.query(
      `select version, data ->> 'name' as name from event_log.events
       where aggregate_id = $1 and aggregate = 'tenant' order by version`,
      [tenantId],
    );
    return rows;
  };

  it('show a write to one process on the other, by its Position', async () => {
    for (const at of numbersUpTo(20)) {
      const written = await rename(urlFor(at), account.token, `Round ${at}`);
      expect(written.status).toBe(200);
      expect(await nameIn(urlFor(at + 1), written.headers.get('position'))).toBe(`Round ${at}`);
    }
  });

  it('show a purchase on one process on the other', async () => {
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

  it('continue if either worker is killed', async () => {
    for (const at of [0, 1]) {
      await workers[at]?.end('SIGKILL');
      const written = await rename(urlFor(at), account.token, `Without worker ${at}`);
      const position = written.headers.get('position');
      expect([200, 202]).toContain(written.status);
      await until(async () => (await nameIn(urlFor(at + 1), position)) === `Without worker ${at}`, 10_000);
      workers[at] = await startWorker();
    }
  });

  it('execute one of fifty requests with one Idempotency-Key, and answer all of them alike', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const before = (await eventsOf(account.tenantId)).length;
    const sendUntilAnswered = async (at: number): Promise<Answer> => {
      for (;;) {
        const answer = await rename(urlFor(at), account.token, 'Once', headers);
        if (answer.status !== 409) return answer;
        expect(answer.body.type).toBe('/problems/request-in-progress');
        await sleep(20);
      }
    };
    const answers = await Promise.all(numbersUpTo(50).map(sendUntilAnswered));
    const [first] = answers;
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      expect(answer.body).toEqual(first?.body);
      for (const name of ['etag', 'position']) expect(answer.headers.get(name)).toBe(first?.headers.get(name));
    }
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed') === null)).toHaveLength(1);
    expect((await eventsOf(account.tenantId)).slice(before)).toEqual([{ version: before + 1, name: 'Once' }]);
  });

  it('accept exactly one of many concurrent changes of the same version', async () => {
    for (const round of numbersUpTo(5)) {
      const headers = { 'if-match': await currentETag() };
      const answers = await Promise.all(
        numbersUpTo(20).map((at) => rename(urlFor(at), account.token, `Winner ${round} ${at}`, headers)),
      );
      expect(countByStatus(answers)).toEqual({ 200: 1, 412: 19 });
      const accepted = answers.find(({ status }) => status === 200);
      expect(await nameIn(urlFor(round), accepted?.headers.get('position') ?? null)).toBe(accepted?.body.name);
    }
  });

  it('accept all of many concurrent changes without an expected version', async () => {
    const before = (await eventsOf(account.tenantId)).length;
    const answers = await Promise.all(numbersUpTo(40).map((at) => rename(urlFor(at), account.token, `Any ${at}`)));
    expect(countByStatus(answers)).toEqual({ 200: 40 });
    const names = (await eventsOf(account.tenantId)).slice(before).map(({ name }) => name);
    expect(names.sort()).toEqual(
      numbersUpTo(40)
        .map((at) => `Any ${at}`)
        .sort(),
    );
  });

  it('rebuild a read model by the CLI during writes, and reads never see fewer rows', async () => {
    await runCli('operators', 'add', 'ada');
    const load = startLoad({ clients: 10, atOnce: 4, url: urls[0] });
    const rowCounts: number[] = [];
    let rebuilding = true;
    const reading = (async () => {
      while (rebuilding) {
        rowCounts.push(await countRows());
        const { status } = await send(urlFor(rowCounts.length), '/v1/tenant', { token: account.token });
        expect(status).toBe(200);
      }
    })();
    for (const _ of numbersUpTo(3)) {
      const { stdout } = await runCli('projections', 'rebuild', 'tenants');
      expect(stdout).toMatch(/tenants is rebuilt from \d+ events/);
    }
    rebuilding = false;
    await reading;
    await load.stop();
    expect(await system.complaints(load.api.tenants)).toEqual([]);
    expect(rowCounts.length).toBeGreaterThan(10);
    expect(Math.min(...rowCounts)).toBeGreaterThan(0);
    expect(rowCounts).toEqual(rowCounts.toSorted((a, b) => a - b));
    const before = await hashOfRows();
    await runCli('projections', 'rebuild', 'tenants');
    expect(await hashOfRows()).toBe(before);
  });

  it('have health, readiness and metrics of the read models also at the worker', async () => {
    const worker = probeUrlOf(workers[0]);
    expect(await (await fetch(`${worker}/healthz`)).json()).toEqual({ status: 'ok' });
    const ready = await fetch(`${worker}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([200, { status: 'ready' }]);
    for (const url of [worker, urls[0]]) {
      await until(async () => ((await metric(url, 'tenantry_projection_position', 'tenants')) ?? 0) > 0, 10_000);
      await until(async () => (await metric(url, 'tenantry_projection_lag_positions', 'tenants')) === 0, 10_000);
    }
    expect((await fetch(`${worker}/v1/me`)).status).toBe(404);
  });

  it('continue reads and writes without a worker, and the metrics of the API show the lag', async () => {
    for (const worker of workers) await worker.end('SIGKILL');
    expect([200, 202]).toContain((await rename(urls[0], account.token, 'Without workers')).status);
    const [lag, age] = ['tenantry_projection_lag_positions', 'tenantry_projection_behind_seconds'] as const;
    await until(async () => ((await metric(urls[1], lag, 'tenants')) ?? 0) > 0, 10_000);
    await until(async () => ((await metric(urls[1], age, 'tenants')) ?? 0) > 2, 10_000);
    expect((await fetch(`${urls[1]}/readyz`)).status).toBe(200);
    expect((await send(urls[1], '/v1/tenant', { token: account.token })).status).toBe(200);
    workers = [await startWorker(), await startWorker()];
    await until(async () => (await metric(urls[1], age, 'tenants')) === 0, 20_000);
  });

  it('drop no accepted request after SIGTERM', async () => {
    const accounts = await Promise.all(numbersUpTo(12).map((at) => signUp(urlFor(at))));
    for (const at of [1, 0]) {
      let answers = 0;
      const sending = sendUntilRefused(
        urls[at] ?? '',
        accounts.map(({ token }) => token),
        `Last of ${at}`,
        (count) => {
          answers = count;
        },
      );
      await until(() => answers > accounts.length, 60_000);
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

  const probeUrlOf = (worker: Product | undefined): string =>
    /Health +(\S+)\/readyz/.exec(worker?.output() ?? '')?.[1] ?? '';

  /** The value of a metric; undefined if the process does not report it. */
  const metric = async (url: string, name: string, projection: string): Promise<number | undefined> => {
    const text = await (await fetch(`${url}/metrics`)).text();
    const value = new RegExp(`^${name}\\{projection="${projection}"\\} (\\S+)$`, 'm').exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  };

  const runCli = (...args: string[]) =>
    promisify(execFile)(
      process.execPath,
      [join(root, 'dist/apps/cli/main.js'), ...args, '--as', 'ada', '--reason', 'a test'],
      {
        env: { PATH: process.env['PATH'], ...system.env },
      },
    );

  const countRows = async (): Promise<number> => {
    const { rows } = await system.owner.query<{ n: number }>('select count(*)::int as n from read_model.tenants');
    return rows[0]?.n ?? 0;
  };

  const hashOfRows = async (): Promise<string> => {
    const { rows } = await system.owner.query<{ hash: string }>(
      `select md5(string_agg(t::text, '|' order by tenant_id)) as hash from read_model.tenants t`,
    );
    return rows[0]?.hash ?? '';
  };
});
