import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '#platform/embedded-postgres/process-identity';
import { usePreparedFolders } from './folders';
import { isReady, launch, query, serverPid, until } from './product';

jest.setTimeout(600_000);

const folders = usePreparedFolders();

describe('a start on existing data', () => {
  it('uses the data, the key and the port again, and reveals no secrets', async () => {
    const first = launch(folders.dataDir);
    await first.ready();
    await query(folders.dataDir, 'create table kept as select 1 as n');
    const secret = await readFile(join(folders.dataDir, 'secret.key'), 'utf8');
    const port = await readFile(join(folders.dataDir, 'postgres.port'), 'utf8');
    await first.end('SIGTERM');
    const second = launch(folders.dataDir);
    await second.ready();
    expect(await query(folders.dataDir, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(await readFile(join(folders.dataDir, 'secret.key'), 'utf8')).toBe(secret);
    expect(await readFile(join(folders.dataDir, 'postgres.port'), 'utf8')).toBe(port);
    for (const name of ['secret.key', 'postgres.password', 'postgres.log']) {
      expect((await stat(join(folders.dataDir, name))).mode & 0o077).toBe(0);
    }
    expect(second.output()).not.toContain(secret.trim());
    expect(second.output()).not.toContain((await readFile(join(folders.dataDir, 'postgres.password'), 'utf8')).trim());
    expect(await second.end('SIGTERM')).toBe(0);
  });
  it.each(['PostgreSQL survives', 'PostgreSQL is killed, too'])('recovers after kill -9: %s', async (scenario) => {
    const first = launch(folders.dataDir);
    await first.ready();
    const orphan = serverPid(folders.dataDir);
    await query(folders.dataDir, 'create table kept as select 1 as n');
    await first.end('SIGKILL');
    if (scenario === 'PostgreSQL survives') expect(isAlive(orphan)).toBe(true);
    else process.kill(orphan, 'SIGKILL');
    const second = launch(folders.dataDir);
    expect(await isReady(await second.ready())).toBe(true);
    expect(isAlive(orphan)).toBe(false);
    expect(await query(folders.dataDir, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(await second.end('SIGTERM')).toBe(0);
  });
  it('refuses a second start on the same data, names the process and the setting, and does not disturb the first', async () => {
    const first = launch(folders.dataDir);
    const url = await first.ready();
    const second = launch(folders.dataDir);
    expect(await second.ended()).toBe(1);
    expect(second.output()).toMatch(new RegExp(`DATA_DIR: .*is used by another Tenantry, process ${first.pid}\\b`));
    expect(await isReady(url)).toBe(true);
    expect(await first.end('SIGTERM')).toBe(0);
  });
  it('ends if the port is in use, and names the setting', async () => {
    const first = launch(folders.dataDir);
    const url = await first.ready();
    const second = launch(join(folders.home, 'other'), { env: { PORT: new URL(url).port } });
    expect(await second.ended()).toBe(1);
    expect(second.output()).toMatch(/cannot start: PORT \d+ is in use by another program; .* Example: PORT=\d+\n/);
    expect(second.output()).not.toMatch(/^ +at /m);
    expect(isAlive(serverPid(join(folders.home, 'other')))).toBe(false);
    expect(await isReady(url)).toBe(true);
    expect(await first.end('SIGTERM')).toBe(0);
  });
  it('creates invitation links with the free port that it chose', async () => {
    const product = launch(folders.dataDir);
    const url = await product.ready();
    const post = async (path: string, body: object, token = ''): Promise<Record<string, string>> => {
      const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      return (await answer.json()) as Record<string, string>;
    };
    const ada = { email: 'ada@acme.example', password: 'correct horse battery staple' };
    const { accessToken } = await post('/v1/signup', { companyName: 'Acme', personName: 'Ada', ...ada });
    const invitation = await post('/v1/invitations', { role: 'member', maxUses: 1 }, accessToken);
    expect(invitation['url']).toMatch(new RegExp(`^${url}/join/`));
    expect((await fetch(invitation['url'] ?? '')).status).toBe(200);
    expect(await product.end('SIGTERM')).toBe(0);
  });
  it('starts PostgreSQL again on the same port if it was killed', async () => {
    const product = launch(folders.dataDir);
    await product.ready();
    const server = serverPid(folders.dataDir);
    process.kill(server, 'SIGKILL');
    const databaseAnswers = async (): Promise<boolean> =>
      (await query(folders.dataDir, 'select 1').catch(() => [])).length === 1;
    await until(async () => serverPid(folders.dataDir) !== server && (await databaseAnswers()), 60_000);
    expect(await product.end('SIGTERM')).toBe(0);
    expect(isAlive(serverPid(folders.dataDir))).toBe(false);
  });
});
