import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Account, send, signUp } from './http';
import { makeNextRelease } from './next-release';
import { endAll, type Product, root, until } from './start/product';
import { openSystem, type System } from './system';

jest.setTimeout(400_000);

/** ms; several times as long as the silence after which a process counts as dead. */
const TIMEOUT_MS = 150_000;

describe('two releases on one database', () => {
  let system: System;
  let next: ReturnType<typeof makeNextRelease>;

  beforeAll(async () => {
    system = await openSystem();
    next = makeNextRelease();
  });
  afterAll(async () => {
    await endAll();
    next.remove();
    await system.close();
  });

  const statusOf = async (url: string): Promise<string> => {
    const answer = await fetch(`${url}/readyz`).catch(() => undefined);
    return answer ? `${answer.status} ${answer.status === 200 ? '' : await answer.text()}`.trim() : 'unavailable';
  };
  const waitUntilReady = (url: string) => until(async () => (await statusOf(url)) === '200', TIMEOUT_MS);
  const installedVersion = async (): Promise<number | undefined> => {
    const { rows } = await system.owner.query<{ version: number }>(
      `select version from projecting.checkpoints where projection = 'teams'`,
    );
    return rows[0]?.version;
  };
  const listRebuilds = async (): Promise<string[]> => {
    const { rows } = await system.owner.query<{ rebuild: string }>(
      `select version || ' ' || state as rebuild from projecting.rebuilds order by requested_at, version`,
    );
    return rows.map(({ rebuild }) => rebuild);
  };
  const start = async (dist?: string, env = {}): Promise<{ product: Product; url: string }> => {
    const product = system.start({ LOG_LEVEL: 'info', ...env }, dist);
    return { product, url: await product.ready() };
  };
  const teamsAt = async (url: string, { token }: Account): Promise<string> => {
    const { status, body } = await send(url, '/v1/teams', { token });
    return status === 200 ? JSON.stringify(body) : `was answered ${status}`;
  };

  it('keep a read model at the version of the newer release while it runs, and at the older version afterwards', async () => {
    const old = await start();
    await waitUntilReady(old.url);
    const account = await signUp(old.url);
    await send(old.url, '/v1/teams', { method: 'POST', token: account.token, body: { name: 'Sales' } });
    await until(async () => (await teamsAt(old.url, account)).includes('"Sales"'), TIMEOUT_MS);

    const newer = await start(next.dist);
    await waitUntilReady(newer.url);
    expect([await installedVersion(), await listRebuilds()]).toEqual([2, ['2 done']]);
    for (const { url } of [old, newer]) expect(await teamsAt(url, account)).toContain('"2 Sales"');
    // The older release still answers, because the newer release keeps every column that the older one reads.
    await waitUntilReady(old.url);
    expect(await old.product.end('SIGTERM')).toBe(0);
    expect(await statusOf(newer.url)).toBe('200');

    // A CLI command and a start of the older release change nothing while the newer release runs.
    const [again, shown] = await Promise.all([
      start(undefined, { ROLLBACK_WAIT_SECONDS: '12' }),
      promisify(execFile)(process.execPath, [join(root, 'dist/apps/cli/main.js'), 'projections'], {
        env: { PATH: process.env['PATH'], ...system.env },
      }),
    ]);
    expect(shown.stdout).toMatch(/^teams +2 /m);
    expect(await listRebuilds()).toEqual(['2 done']);

    await waitUntilReady(again.url);
    expect(await newer.product.end('SIGTERM')).toBe(0);
    await until(async () => (await installedVersion()) === 1, TIMEOUT_MS);
    await waitUntilReady(again.url);
    expect(await teamsAt(again.url, account)).toContain('"Sales"');
    expect(await listRebuilds()).toEqual(['2 done', '1 done']);
    expect(again.product.output()).toContain('because no process of the newer release runs any more');
  });
});
