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
  /** False is faster, but a crash of the machine loses data; it is only for tests. */
  readonly durable: boolean;
  readonly log: (message: string) => void;
}

/** At a start, a larger log file is emptied. */
const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** Replaying the write-ahead log after a crash may take minutes. A server that cannot start ends much sooner. */
const START_TIMEOUT_MS = 300_000;

/**
 * Starts the server, and resolves once it accepts connections.
 * @throws ServerStartFailed the server ended during its start
 * @throws EmbeddedPostgresError it cannot be run, or was not ready within 300 s
 */
export const startServer = async (options: ServerOptions): Promise<ChildProcess> => {
  const { cluster, logFile, user } = options;
  const log = await open(logFile, 'a', 0o600);
  const before = (await log.stat()).size;
  if (before > MAX_LOG_BYTES) await truncate(logFile);
  const offset = before > MAX_LOG_BYTES ? 0 : before;
  const child = spawn(options.postgres, ['-D', cluster, ...flags(options)], {
    ...user,
    cwd: dirname(options.postgres),
    env: serverEnvironment(),
    stdio: ['ignore', log.fd, log.fd],
    // A separate process group: Ctrl-C in the terminal must not stop the server, which this process stops last.
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
    // The queries of the product are short: compiling them costs more time than it saves.
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

/** The server writes its state to line 8 of its pid file; pg_ctl(1) relies on it, too. */
const untilReady = async (child: ChildProcess, options: ServerOptions, logOffset: number): Promise<void> => {
  const began = Date.now();
  let loggedAt = began;
  while (child.exitCode === null && child.signalCode === null) {
    const file = await readPidFile(options.cluster);
    if (file?.pid === child.pid && file?.status === 'ready') return;
    if (Date.now() - began > START_TIMEOUT_MS) {
      child.kill('SIGQUIT');
      throw new EmbeddedPostgresError(
        `PostgreSQL was not ready within ${START_TIMEOUT_MS / 1000} s; read ${options.logFile} and start again`,
      );
    }
    if (Date.now() - loggedAt > 5_000) {
      loggedAt = Date.now();
      options.log('PostgreSQL is still starting; after a crash it first replays its write-ahead log');
    }
    await sleep(10);
  }
  const written = (await readFile(options.logFile)).subarray(logOffset).toString().trim();
  const how = child.signalCode ?? `code ${child.exitCode}`;
  throw new ServerStartFailed(
    `PostgreSQL ended with ${how} during its start (${options.logFile}):\n${written}`,
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
 * Stops a server whose starter has ended, and child processes whose server has ended. Then it removes the files with
 * the server's process id, because another process may have this id now. The caller must hold the directory's lock.
 * @throws EmbeddedPostgresError a process cannot be stopped
 */
export const stopOrphan = async (cluster: string, log: (message: string) => void): Promise<void> => {
  const file = await readPidFile(cluster);
  if (!file) return;
  const remaining = processesOf(cluster, file.pid);
  if (remaining.includes(file.pid)) {
    log(`stopping PostgreSQL (process ${file.pid}), which was left running when Tenantry was killed`);
    await stopProcess(file.pid);
  }
  // Child processes end by themselves without their server, but a busy one ends some time later.
  for (const pid of remaining) if (isAlive(pid)) await stopProcess(pid);
  const sockets = (await readdir(cluster)).filter(isSocketFile);
  for (const name of ['postmaster.pid', ...sockets]) await rm(join(cluster, name), { force: true });
};

/**
 * Stops a server: fast shutdown for 15 s, then immediate shutdown for 5 s (the next start replays the write-ahead log),
 * then SIGKILL.
 * @throws EmbeddedPostgresError the process still exists after that
 */
export const stopProcess = async (pid: number): Promise<void> => {
  for (const [signal, timeoutMs] of [
    ['SIGINT', 15_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(10)) {
      if (!isAlive(pid)) return;
    }
  }
  throw new EmbeddedPostgresError(
    `PostgreSQL (process ${pid}) did not end, not even after SIGKILL; check the disk of DATA_DIR, then start again`,
  );
};
