import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startLoad } from '../chaos/client';
import { rename, send } from './http';
import { numbersUpTo, openSplit, type Split } from './split-system';
import { endAll, type Product, root, until } from './start/product';

jest.setTimeout(600_000);

describe('two API processes and two workers on one database', () => {
  let split: Split;
  beforeAll(async () => {
    split = await openSplit();
  });
  afterAll(async () => {
    await endAll();
    await split.close();
  });

  it('continue if either worker is killed', async () => {
    const { account, nameIn, startWorker, urlFor, workers } = split;
    for (const at of [0, 1]) {
      await workers[at]?.end('SIGKILL');
      const written = await rename(urlFor(at), account.token, `Without worker ${at}`);
      const position = written.headers.get('position');
      expect([200, 202]).toContain(written.status);
      await until(async () => (await nameIn(urlFor(at + 1), position)) === `Without worker ${at}`, 10_000);
      workers[at] = await startWorker();
    }
  });

  it('rebuild a read model by the CLI during writes, and reads never see fewer rows', async () => {
    const { account, system, urlFor, urls } = split;
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
    const { urls, workers } = split;
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
    const { account, startWorker, urls, workers } = split;
    for (const worker of workers) await worker.end('SIGKILL');
    expect([200, 202]).toContain((await rename(urls[0], account.token, 'Without workers')).status);
    const [lag, age] = ['tenantry_projection_lag_positions', 'tenantry_projection_behind_seconds'] as const;
    await until(async () => ((await metric(urls[1], lag, 'tenants')) ?? 0) > 0, 10_000);
    await until(async () => ((await metric(urls[1], age, 'tenants')) ?? 0) > 2, 10_000);
    expect((await fetch(`${urls[1]}/readyz`)).status).toBe(200);
    expect((await send(urls[1], '/v1/tenant', { token: account.token })).status).toBe(200);
    split.workers = [await startWorker(), await startWorker()];
    await until(async () => (await metric(urls[1], age, 'tenants')) === 0, 20_000);
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
        env: { PATH: process.env['PATH'], ...split.system.env },
      },
    );

  const countRows = async (): Promise<number> => {
    const { rows } = await split.system.owner.query<{ n: number }>('select count(*)::int as n from read_model.tenants');
    return rows[0]?.n ?? 0;
  };

  const hashOfRows = async (): Promise<string> => {
    const { rows } = await split.system.owner.query<{ hash: string }>(
      `select md5(string_agg(t::text, '|' order by tenant_id)) as hash from read_model.tenants t`,
    );
    return rows[0]?.hash ?? '';
  };
});
