import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive } from '../../../libs/platform/embedded-postgres/process-identity';
import { endAll, launch, query, serverPid, until } from './product';

jest.setTimeout(120_000);

let home: string;
let dataDir: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tenantry-start-'));
  await chmod(home, 0o755);
  dataDir = join(home, 'data');
});

afterEach(async () => {
  await endAll();
  const server = serverPid(dataDir);
  if (server > 0 && isAlive(server)) process.kill(server, 'SIGQUIT');
  await until(() => serverPid(dataDir) === 0 || !isAlive(serverPid(dataDir)), 10_000);
  await rm(home, { recursive: true, force: true });
});

/** Stops the process for four seconds where it loads the framework, as a slow disk does. */
const SLOW_MODULES = `
  const Module = require('node:module');
  const load = Module._load;
  Module._load = function (name, ...rest) {
    if (name === '@nestjs/core') {
      Module._load = load;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 4_000);
    }
    return load.call(this, name, ...rest);
  };
`;

/** Soon: a check has a second, which a machine that starts several products at once may need for something else. */
const isReady = async (url: string): Promise<boolean> => {
  await until(async () => (await fetch(`${url}/readyz`)).status === 200, 10_000);
  return true;
};

describe('a start with everything embedded', () => {
  it('answers, ends with code 0 on SIGTERM and on Ctrl-C, and leaves no process behind', async () => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const product = launch(dataDir);
      expect(await isReady(await product.ready())).toBe(true);
      const server = serverPid(dataDir);
      expect(isAlive(server)).toBe(true);
      expect(await product.end(signal)).toBe(0);
      expect(isAlive(server)).toBe(false);
    }
  });

  it('prints no warning, on the first start and on the next, however long its modules take to load', async () => {
    const slow = join(home, 'slow.cjs');
    await writeFile(slow, SLOW_MODULES);
    for (const env of [{}, { NODE_OPTIONS: `--require=${slow}` }]) {
      const product = launch(dataDir, { env });
      await product.ready();
      // For what comes late.
      await sleep(2_000);
      expect(product.output()).not.toMatch(/warn|"level":"(error|fatal)"/i);
      expect(await product.end('SIGTERM')).toBe(0);
    }
  });

  it('finds its data again, its key and its port, and keeps its secrets to itself', async () => {
    const first = launch(dataDir);
    await first.ready();
    await query(dataDir, 'create table kept as select 1 as n');
    const secret = await readFile(join(dataDir, 'secret.key'), 'utf8');
    const port = await readFile(join(dataDir, 'postgres.port'), 'utf8');
    await first.end('SIGTERM');
    const second = launch(dataDir);
    await second.ready();
    expect(await query(dataDir, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(await readFile(join(dataDir, 'secret.key'), 'utf8')).toBe(secret);
    expect(await readFile(join(dataDir, 'postgres.port'), 'utf8')).toBe(port);
    for (const name of ['secret.key', 'postgres.password', 'postgres.log']) {
      expect((await stat(join(dataDir, name))).mode & 0o077).toBe(0);
    }
    expect(second.output()).not.toContain(secret.trim());
    expect(second.output()).not.toContain((await readFile(join(dataDir, 'postgres.password'), 'utf8')).trim());
    expect(await second.end('SIGTERM')).toBe(0);
  });

  it.each(['the server outlives it', 'the server is killed with it'])('recovers after kill -9: %s', async (which) => {
    const first = launch(dataDir);
    await first.ready();
    const orphan = serverPid(dataDir);
    await query(dataDir, 'create table kept as select 1 as n');
    await first.end('SIGKILL');
    if (which === 'the server outlives it') expect(isAlive(orphan)).toBe(true);
    else process.kill(orphan, 'SIGKILL');
    const second = launch(dataDir);
    expect(await isReady(await second.ready())).toBe(true);
    expect(isAlive(orphan)).toBe(false);
    expect(await query(dataDir, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(await second.end('SIGTERM')).toBe(0);
  });

  it('refuses a second start on the same data, naming the process and the setting, and leaves the first alone', async () => {
    const first = launch(dataDir);
    const url = await first.ready();
    const second = launch(dataDir);
    expect(await second.ended()).toBe(1);
    expect(second.output()).toMatch(new RegExp(`DATA_DIR: .*is used by another Tenantry, process ${first.pid}\\b`));
    expect(await isReady(url)).toBe(true);
    expect(await first.end('SIGTERM')).toBe(0);
  });

  it('refuses a port that is taken, naming the setting, and ends', async () => {
    const first = launch(dataDir);
    const url = await first.ready();
    const second = launch(join(home, 'other'), { env: { PORT: new URL(url).port } });
    expect(await second.ended()).toBe(1);
    expect(second.output()).toMatch(/can not start: PORT \d+ is taken .* Example: PORT=\d+\n/);
    expect(second.output()).not.toMatch(/^ +at /m);
    expect(isAlive(serverPid(join(home, 'other')))).toBe(false);
    expect(await isReady(url)).toBe(true);
    expect(await first.end('SIGTERM')).toBe(0);
  });

  it('makes links that lead to the free port that it took', async () => {
    const product = launch(dataDir);
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

  it('starts PostgreSQL again, on its port, when that is killed under it', async () => {
    const product = launch(dataDir);
    await product.ready();
    const server = serverPid(dataDir);
    process.kill(server, 'SIGKILL');
    const answers = async (): Promise<boolean> => (await query(dataDir, 'select 1').catch(() => [])).length === 1;
    await until(async () => serverPid(dataDir) !== server && (await answers()), 10_000);
    expect(await product.end('SIGTERM')).toBe(0);
    expect(isAlive(serverPid(dataDir))).toBe(false);
  });

  it.each([
    ['SIGTERM', 'postgres.unfinished'],
    ['SIGKILL', 'postgres.unfinished'],
    ['SIGTERM', 'postgres.log'],
    ['SIGKILL', 'postgres.log'],
  ] as const)('can be ended by %s in the midst of its first start (%s) and started again', async (signal, after) => {
    const product = launch(dataDir);
    await until(() => exists(join(dataDir, after)), 20_000);
    expect(await product.end(signal)).toBe(signal === 'SIGTERM' ? 0 : null);
    const again = launch(dataDir);
    expect(await isReady(await again.ready())).toBe(true);
    expect(await again.end('SIGTERM')).toBe(0);
  });

  it('reads .env from the folder that it is started in', async () => {
    await writeFile(join(home, '.env'), 'LOG_LEVEL=loud\n');
    const product = launch(dataDir, { cwd: home });
    expect(await product.ended()).toBe(1);
    expect(product.output()).toContain('LOG_LEVEL must be one of');
  });

  it.each<[string, () => Promise<Record<string, string>>, RegExp]>([
    [
      'is a file',
      async () => {
        await writeFile(dataDir, '');
        return {};
      },
      /DATA_DIR: \S+\/data is a file\. Name a folder, for example DATA_DIR=/,
    ],
    [
      'lies below a file',
      async () => {
        await writeFile(dataDir, '');
        return { DATA_DIR: join(dataDir, 'below') };
      },
      /DATA_DIR: \S+\/data is a file\. Name a folder, for example DATA_DIR=/,
    ],
    [
      'can not be made',
      async () => ({ DATA_DIR: '/proc/nope' }),
      /DATA_DIR: \/proc\/nope can't be made \(ENOENT.*\)\. Name a folder, for example DATA_DIR=/,
    ],
    [
      'has a postgres folder of somebody else',
      async () => {
        await mkdir(join(dataDir, 'postgres'), { recursive: true });
        await chmod(dataDir, 0o755);
        return {};
      },
      /DATA_DIR: \S+\/postgres is no database that Tenantry has made .*for example DATA_DIR=/,
    ],
    [
      'can not hold the key that a given database needs',
      async () => ({ DATA_DIR: '/proc/nope', DATABASE_URL: 'postgres://owner:secret@127.0.0.1:1/tenantry' }),
      /DATA_DIR \/proc\/nope can not hold the generated SECRET_KEY \(.*Example: DATA_DIR=/,
    ],
  ])('says in a sentence what to do where DATA_DIR %s', async (_, given, sentence) => {
    const product = launch(dataDir, { env: await given() });
    expect(await product.ended()).toBe(1);
    expect(product.output()).toMatch(sentence);
    expect(product.output()).not.toMatch(/^ +at /m);
  });

  it.each<[string, (socket: Socket) => void]>([
    ['hangs up', (socket) => socket.once('data', () => socket.destroy())],
    ['says nothing', () => undefined],
    ['speaks something else', (socket) => socket.on('data', () => socket.write('-ERR unknown command\r\n'))],
  ])('says in a sentence what to do where DATABASE_URL leads to something that %s', async (_, answer) => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket.on('error', () => undefined));
      answer(socket);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const product = launch(dataDir, { env: { DATABASE_URL: `postgres://owner:secret@127.0.0.1:${port}/tenantry` } });
    expect(await product.ended()).toBe(1);
    expect(product.output()).toMatch(
      /DATABASE_URL leads to 127\.0\.0\.1:\d+, where nothing answers as PostgreSQL does .*Example: DATABASE_URL=/,
    );
    expect(product.output()).not.toMatch(/^ +at /m);
    expect(product.output()).not.toContain(`owner:secret@127.0.0.1:${port}`);
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('tells every setting that it can not use at once, each with an example', async () => {
    const product = launch(dataDir, { env: { PORT: 'http', ROLE: 'both', DATABASE_URL: 'mysql://root:hidden@db/x' } });
    expect(await product.ended()).toBe(1);
    expect(product.output()).toMatch(
      /ROLE must be .*\n.*PORT must be .*\n.*DATABASE_URL must be .*Example: DATABASE_URL=postgres/,
    );
    expect(product.output()).not.toContain('hidden');
  });
});

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(() => undefined)) !== undefined;

/** Changing the user takes root, and setpriv(1). */
const describeAsRoot = process.getuid?.() === 0 && process.platform === 'linux' ? describe : describe.skip;

describeAsRoot('as root', () => {
  it('keeps its data elsewhere, and says so, where its PostgreSQL could not get to it', async () => {
    await chmod(home, 0o700);
    const product = launch(dataDir);
    await product.ready();
    const moved = /kept in (\/var\/lib\/tenantry\/\w+)/.exec(product.output())?.[1] ?? '';
    try {
      expect(await exists(dataDir)).toBe(false);
      expect(await query(moved, 'select 1 as n')).toEqual([{ n: 1 }]);
      expect(await product.end('SIGTERM')).toBe(0);
    } finally {
      if (moved) await rm(moved, { recursive: true });
    }
  });

  const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

  it('runs as another user just as well, and goes on with what that user has made', async () => {
    await chmod(home, 0o777);
    const unprivileged = launch(dataDir, { prefix: NOBODY, cwd: '/' });
    await unprivileged.ready();
    await query(dataDir, 'create table kept as select 1 as n');
    expect(await unprivileged.end('SIGTERM')).toBe(0);
    const asRoot = launch(dataDir);
    await asRoot.ready();
    expect(await query(dataDir, 'select n from kept')).toEqual([{ n: 1 }]);
    expect(await asRoot.end('SIGTERM')).toBe(0);
  });
});
