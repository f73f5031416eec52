import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isSocketFile, LOOPBACK, socketDirectory } from './address';
import { cannotRun, serverEnvironment } from './cluster';
import { EmbeddedPostgresError } from './errors';
import { isAlive, processesOf } from './process-identity';
import type { ServerUser } from './server-user';

export interface ServerOptions {
  readonly postgres: string;
  readonly cluster: string;
  readonly port: number;
  readonly logFile: string;
  readonly user?: ServerUser;
  /** False: faster, and a crash of the machine loses data. For tests alone. */
  readonly durable: boolean;
  readonly log: (message: string) => void;
}

const LOG_BYTES_KEPT = 10 * 1024 * 1024;
/** Replaying the log after a crash takes its time; a server that failed ends by itself much sooner. */
const START_TIMEOUT_MS = 300_000;

/** Starts the server; resolves once it takes connections. */
export const startServer = async (options: ServerOptions): Promise<ChildProcess> => {
  const { cluster, logFile, user } = options;
  const log = await open(logFile, 'a', 0o600);
  const before = (await log.stat()).size;
  if (before > LOG_BYTES_KEPT) await truncate(logFile);
  const offset = before > LOG_BYTES_KEPT ? 0 : before;
  const child = spawn(options.postgres, ['-D', cluster, ...flags(options)], {
    ...user,
    cwd: dirname(options.postgres),
    env: serverEnvironment(),
    stdio: ['ignore', log.fd, log.fd],
    // A process group of its own: Ctrl-C in the terminal reaches us, and we stop the server last.
    detached: true,
  });
  try {
    const [failure] = await Promise.race([
      once(child, 'spawn').then(() => []),
      once(child, 'error') as Promise<[Error]>,
    ]);
    if (failure) throw cannotRun(options.postgres, failure);
  } finally {
    await log.close();
  }
  child.on('error', () => undefined);
  child.unref();
  await untilReady(child, options, offset);
  return child;
};

const flags = ({ cluster, port, durable }: ServerOptions): string[] => {
  const settings = {
    listen_addresses: LOOPBACK,
    port,
    unix_socket_directories: socketDirectory(cluster) ?? '',
    max_connections: 200,
    shared_buffers: '256MB',
    max_wal_size: '2GB',
    checkpoint_timeout: '15min',
    checkpoint_completion_target: 0.9,
    wal_compression: 'off',
    // Queries here are short; compiling them costs more than it saves.
    jit: 'off',
    fsync: durable ? 'on' : 'off',
    synchronous_commit: durable ? 'on' : 'off',
    full_page_writes: durable ? 'on' : 'off',
    logging_collector: 'off',
    log_checkpoints: 'off',
    log_line_prefix: '%m [%p] %q%u@%d %a ',
    log_timezone: 'UTC',
    timezone: 'UTC',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
};

/** The server writes its state into the last line of its pid file, as pg_ctl(1) relies on. */
const untilReady = async (child: ChildProcess, options: ServerOptions, logOffset: number): Promise<void> => {
  const began = Date.now();
  let told = began;
  while (child.exitCode === null && child.signalCode === null) {
    const file = await readPidFile(options.cluster);
    if (file?.pid === child.pid && file?.status === 'ready') return;
    if (Date.now() - began > START_TIMEOUT_MS) {
      child.kill('SIGQUIT');
      throw new EmbeddedPostgresError(`PostgreSQL was not ready within ${START_TIMEOUT_MS / 1000} s`);
    }
    if (Date.now() - told > 5_000) {
      told = Date.now();
      options.log('PostgreSQL is still starting; after a crash it first replays its log');
    }
    await sleep(10);
  }
  const written = (await readFile(options.logFile)).subarray(logOffset).toString().trim();
  const how = child.signalCode ?? `code ${child.exitCode}`;
  throw new ServerStartFailed(
    `PostgreSQL ended with ${how} while it started (${options.logFile}):\n${written}`,
    written,
  );
};

export class ServerStartFailed extends EmbeddedPostgresError {
  constructor(
    message: string,
    readonly output: string,
  ) {
    super(message);
  }

  get portTaken(): boolean {
    return this.output.includes('could not bind');
  }
}

const readPidFile = async (cluster: string): Promise<{ pid: number; status: string | undefined } | undefined> => {
  try {
    const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8')).split('\n');
    return { pid: Number(lines[0]), status: lines[7]?.trim() };
  } catch {
    return undefined;
  }
};

/**
 * Makes the cluster free: ends a server that outlived the process which had started it, waits for what outlived the
 * server itself, and removes the files that name its id once no process of theirs is left: it may be another's by now.
 * The caller holds the directory's lock.
 */
export const stopOrphan = async (cluster: string, log: (message: string) => void): Promise<void> => {
  const file = await readPidFile(cluster);
  if (!file) return;
  const left = processesOf(cluster, file.pid);
  if (left.includes(file.pid)) {
    log(`stopping PostgreSQL ${file.pid}, which a Tenantry that was killed left behind`);
    await stopProcess(file.pid);
  }
  // Without their server these end by themselves, one that is busy a little later.
  for (const pid of left) if (isAlive(pid)) await stopProcess(pid);
  const sockets = (await readdir(cluster)).filter(isSocketFile);
  for (const name of ['postmaster.pid', ...sockets]) await rm(join(cluster, name), { force: true });
};

/** Ends a server: fast, then at once (it will replay its log), then by force. */
export const stopProcess = async (pid: number): Promise<void> => {
  for (const [signal, patience] of [
    ['SIGINT', 15_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (const end = Date.now() + patience; Date.now() < end; await sleep(10)) {
      if (!isAlive(pid)) return;
    }
  }
  throw new EmbeddedPostgresError(`PostgreSQL ${pid} can't be stopped`);
};
