import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port';
import { databaseTarget } from './tcp-proxy';

export interface PgBouncer {
  /** Changes a URL of PostgreSQL so that it leads there through the pooler. */
  over(url: string): string;
  close(): Promise<void>;
}

export interface PgBouncerOptions {
  readonly binary: string;
  /** A URL of the PostgreSQL server. */
  readonly server: string;
  /** Lines of `userlist.txt`. */
  readonly users: string;
  /** More settings of `pgbouncer.ini`. They override the defaults. */
  readonly settings?: Readonly<Record<string, string>>;
}

const DEBIAN = '/usr/sbin/pgbouncer';

/** The installed versions of PgBouncer: the one of the system, and the one in `TEST_PGBOUNCER`. */
export const pgbouncers = (): { binary: string; version: string; keepsStatements: boolean }[] =>
  [DEBIAN, process.env['TEST_PGBOUNCER'] ?? ''].filter(Boolean).flatMap((binary) => {
    const { status, stdout } = spawnSync(binary, ['--version'], { encoding: 'utf8' });
    const [, version, minor] = /PgBouncer (1\.(\d+)\.\d+)/.exec(stdout ?? '') ?? [];
    return status === 0 && version ? [{ binary, version, keepsStatements: Number(minor) >= 21 }] : [];
  });

/** Starts PgBouncer in transaction mode: each transaction of a client may run on another connection of the server. */
export const startPgBouncer = async (options: PgBouncerOptions): Promise<PgBouncer> => {
  const { binary, server, users, settings = {} } = options;
  const dir = mkdtempSync(join(tmpdir(), 'tenantry-pgbouncer-'));
  const port = await freePort();
  const target = databaseTarget(server);
  // Not over a socket, because PgBouncer may have no access to its folder. The embedded server listens on loopback,
  // too.
  const [host, serverPort] =
    'path' in target ? ['127.0.0.1', new URL(server).port] : [target.host, String(target.port)];
  const ini = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: join(dir, 'userlist.txt'),
    pool_mode: 'transaction',
    max_client_conn: '200',
    ...settings,
  };
  const lines = Object.entries(ini).map(([name, value]) => `${name} = ${value}`);
  writeFileSync(
    join(dir, 'pgbouncer.ini'),
    `[databases]\n* = host=${host} port=${serverPort}\n[pgbouncer]\n${lines.join('\n')}\n`,
  );
  writeFileSync(join(dir, 'userlist.txt'), users);
  // PgBouncer refuses to run as root. If the test runs as root, PgBouncer runs as `nobody`, who must be able to read
  // its files.
  chmodSync(dir, 0o755);
  const asRoot = process.getuid?.() === 0;
  const child = spawn(binary, [...(asRoot ? ['-u', 'nobody'] : []), join(dir, 'pgbouncer.ini')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  child.stderr?.on('data', (data) => (output += String(data)));
  await untilListening(child, port, () => output);
  return {
    over: (url) => {
      const over = new URL(url);
      over.hostname = '127.0.0.1';
      over.port = String(port);
      return over.href;
    },
    close: async () => {
      const exit = child.exitCode === null && child.signalCode === null ? once(child, 'close') : undefined;
      child.kill('SIGKILL');
      await exit;
      rmSync(dir, { recursive: true, force: true });
    },
  };
};

const untilListening = async (child: ChildProcess, port: number, output: () => string): Promise<void> => {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(50)) {
    if (child.exitCode !== null) break;
    const socket = createConnection({ port, host: '127.0.0.1' });
    const isListening = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (isListening) return;
  }
  child.kill('SIGKILL');
  throw new Error(`PgBouncer did not start:\n${output()}`);
};
