import type { ChildProcess } from 'node:child_process';
import { chmod, readFile, realpath, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFolders } from '../make-folders';
import { LOOPBACK, superuserUrl } from './address';
import { installBinaries } from './binaries';
import { ensureCluster } from './cluster';
import { EmbeddedPostgresError } from './errors';
import { lockDirectory } from './lock';
import { type ServerOptions, ServerStartFailed, startServer, stopOrphan, stopProcess } from './server';
import { clusterOf, serverUser } from './server-user';

export { usableDataDir } from './server-user';

export interface EmbeddedPostgresOptions {
  /**
   * An absolute path. The folder is created if it is missing. If the process runs as root, it must be a path that
   * `usableDataDir` returned.
   */
  readonly dataDir: string;
  /** True by default. False is faster, but a crash of the machine loses data; it is only for tests. */
  readonly durable?: boolean;
  /** Called with one sentence for each unusual event. */
  readonly log?: (level: 'info' | 'error', message: string) => void;
}

export interface EmbeddedPostgres {
  /**
   * The URL for the superuser, who owns the database; over the server's socket if it has one. It does not change when
   * the server restarts.
   */
  readonly url: string;
  /** The process id of the running server; undefined while it is not running. */
  readonly pid: number | undefined;
  /** Stops the server and releases the lock on the directory. */
  stop(): Promise<void>;
  /** Signals the server to stop, without waiting: for a process that is about to end. */
  stopSoon(): void;
}

const PORT_ATTEMPTS = 5;
const LONGEST_BACKOFF_MS = 5_000;

/**
 * Starts the embedded PostgreSQL, which listens on a socket and on loopback. The first start creates the cluster (about
 * 2 s); later starts use it again (0.3 s). If the server ends unexpectedly, it is started again; `stop` ends it.
 * @throws EmbeddedPostgresError that says what to do
 */
export const openEmbeddedPostgres = async (options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> => {
  const dataDir = await makeDirectory(options.dataDir);
  const log = options.log ?? (() => undefined);
  const lock = await lockDirectory(dataDir);
  try {
    const cluster = clusterOf(dataDir);
    const user = serverUser(dataDir);
    const binaries = await installBinaries(dataDir);
    const password = await ensureCluster(dataDir, binaries, user);
    await stopOrphan(cluster, (message) => log('info', message));
    const server: Omit<ServerOptions, 'port'> = {
      postgres: binaries.postgres,
      cluster,
      logFile: join(dataDir, 'postgres.log'),
      durable: options.durable ?? true,
      log: (message) => log('info', message),
      ...(user && { user }),
    };
    const { child, port } = await startOnFreePort(server, join(dataDir, 'postgres.port'));
    const supervised = supervise(child, { ...server, port }, (message) => log('error', message));
    return {
      url: superuserUrl(cluster, port, password),
      get pid() {
        return supervised.pid();
      },
      stop: async () => {
        await supervised.stop();
        await lock.release();
      },
      stopSoon: supervised.stopSoon,
    };
  } catch (error) {
    await lock.release();
    throw error;
  }
};

/**
 * As root, the folder gets mode 0711: the server's user must be able to reach its own files in it, but not list others.
 */
const makeDirectory = async (wanted: string): Promise<string> => {
  try {
    if (await makeFolders(wanted)) await chmod(wanted, process.getuid?.() === 0 ? 0o711 : 0o700);
    return await realpath(wanted);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EmbeddedPostgresError(
      `DATA_DIR: ${wanted} cannot be created (${reason}). Set another folder, for example DATA_DIR=.data`,
    );
  }
};

/** Uses the port of the last start if it is free, so that an open psql reaches the server again after a restart. */
const startOnFreePort = async (
  server: Omit<ServerOptions, 'port'>,
  portFile: string,
): Promise<{ child: ChildProcess; port: number }> => {
  const remembered = Number(await readFile(portFile, 'utf8').catch(() => '0'));
  let port = (remembered > 0 && (await freePort(remembered))) || (await freePort(0));
  for (let attempt = 1; ; attempt++) {
    try {
      const child = await startServer({ ...server, port });
      if (port !== remembered) await writeFile(portFile, `${port}\n`);
      return { child, port };
    } catch (error) {
      if (!(error instanceof ServerStartFailed) || !error.portTaken || attempt === PORT_ATTEMPTS) throw error;
      port = await freePort(0);
    }
  }
};

/** `port` if it is free, or any free port for 0; 0 if `port` is in use. */
const freePort = (port: number): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(0));
    probe.listen({ port, host: LOOPBACK, exclusive: true }, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });

interface Supervised {
  pid(): number | undefined;
  stop(): Promise<void>;
  stopSoon(): void;
}

/** Starts the server again, on the same port, whenever it ends and `stop` was not called. */
const supervise = (first: ChildProcess, server: ServerOptions, log: (message: string) => void): Supervised => {
  let child: ChildProcess | undefined;
  let stopping = false;
  let restart: Promise<void> | undefined;

  const watch = (started: ChildProcess): void => {
    child = started;
    const ended = (): void => {
      child = undefined;
      if (stopping) return;
      log(`PostgreSQL ended unexpectedly (${started.signalCode ?? `code ${started.exitCode}`}); starting it again`);
      restart = startAgain();
    };
    // The process may have ended before this function was called.
    if (started.exitCode !== null || started.signalCode !== null) ended();
    else started.once('exit', ended);
  };

  const startAgain = async (): Promise<void> => {
    for (let backoff = 100; !stopping; backoff = Math.min(backoff * 2, LONGEST_BACKOFF_MS)) {
      await sleep(backoff);
      try {
        watch(await startServer(server));
        return;
      } catch (error) {
        log(
          `PostgreSQL could not be started again; the next attempt follows: ${error instanceof Error ? error.message : error}`,
        );
      }
    }
  };

  watch(first);
  return {
    pid: () => child?.pid,
    stop: async () => {
      stopping = true;
      await restart;
      if (child?.pid !== undefined) await stopProcess(child.pid);
    },
    stopSoon: () => {
      stopping = true;
      child?.kill('SIGINT');
    },
  };
};
