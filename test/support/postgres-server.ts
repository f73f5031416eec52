import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { type Binaries, installBinaries } from '#platform/embedded-postgres/binaries';
import { DATABASE, ensureCluster, SUPERUSER, serverEnvironment } from '#platform/embedded-postgres/cluster';
import { clusterOf, type ServerUser, serverUser } from '#platform/embedded-postgres/server-user';
import { codeOf } from '#platform/error-code';
import { freePort } from './free-port';

/** A PostgreSQL server for one test, on loopback. */
export interface PostgresServer {
  /** The URL of the product's database for the superuser. */
  readonly url: string;
  readonly port: number;
  /**
   * Makes and starts a streaming replica of this running server.
   * @param primaryPort the port at which the replica reaches this server, for example that of a proxy
   */
  replica(primaryPort: number): Promise<PostgresServer>;
  /** Runs one statement as the superuser. */
  query<R>(sql: string): Promise<R[]>;
  /** Ends the server without a shutdown checkpoint, as a crash does. */
  crash(): Promise<void>;
  /** Starts the server again after a crash, on the same port. */
  startAgain(): Promise<void>;
}

export interface PostgresServers {
  /** Makes a new server with an empty database. */
  open(): Promise<PostgresServer>;
  /** Ends every server and removes their files. */
  close(): Promise<void>;
}

/** Makes servers with one copy of the programs of the embedded PostgreSQL. */
export const createPostgresServers = async (): Promise<PostgresServers> => {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-servers-'));
  // If this process is root, the servers run as another user, which needs access to the files.
  await chmod(folder, 0o711);
  const binaries = await installBinaries(folder);
  const running = new Set<ChildProcess>();
  let made = 0;
  const nextFolder = async (): Promise<string> => {
    const next = join(folder, String(++made));
    await mkdir(next, { mode: 0o711 });
    return next;
  };
  const start = async (dataDir: string, password: string): Promise<PostgresServer> => {
    const cluster = clusterOf(dataDir);
    const user = serverUser(dataDir);
    const port = await freePort();
    const url = `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`;
    const begin = async (): Promise<ChildProcess> => {
      const started = startProcess(binaries, cluster, port, user);
      running.add(started);
      await untilConnected(started, url);
      return started;
    };
    let child = await begin();
    const query = <R>(sql: string): Promise<R[]> => withClient(url, async (client) => (await client.query(sql)).rows);
    return {
      ...{ url, port, query },
      replica: async (primaryPort) => {
        const copyDir = await nextFolder();
        const copy = clusterOf(copyDir);
        await withClient(url, async (client) => {
          await client.query(`select pg_backup_start('replica', true)`);
          await copyCluster(cluster, copy, user);
          const { rows } = await client.query('select labelfile from pg_backup_stop(false)');
          await write(join(copy, 'backup_label'), rows[0].labelfile, user);
        });
        const primary = `host=127.0.0.1 port=${primaryPort} user=${SUPERUSER} password=${password}`;
        await write(join(copy, 'postgresql.auto.conf'), `primary_conninfo = '${primary}'\n`, user);
        await write(join(copy, 'standby.signal'), '', user);
        return start(copyDir, password);
      },
      crash: async () => {
        await end(child, 'SIGQUIT');
        running.delete(child);
      },
      startAgain: async () => {
        child = await begin();
      },
    };
  };
  return {
    open: async () => {
      const dataDir = await nextFolder();
      return start(dataDir, await ensureCluster(dataDir, binaries, serverUser(dataDir)));
    },
    close: async () => {
      await Promise.all([...running].map((child) => end(child, 'SIGQUIT')));
      await rm(folder, { recursive: true, force: true });
    },
  };
};

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 200,
  shared_buffers: '64MB',
  fsync: 'off',
  wal_keep_size: '1GB',
  wal_receiver_status_interval: '1s',
  // So that a replica without a connection to its primary tries again soon.
  wal_retrieve_retry_interval: '200ms',
  jit: 'off',
};

const startProcess = ({ postgres }: Binaries, cluster: string, port: number, user?: ServerUser): ChildProcess => {
  const flags = Object.entries({ ...SETTINGS, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return spawn(postgres, ['-D', cluster, ...flags], {
    ...user,
    cwd: dirname(postgres),
    env: serverEnvironment(),
    stdio: 'ignore',
  });
};

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
  if (hasEnded(child)) return;
  const exit = once(child, 'exit');
  child.kill(signal);
  await exit;
};

const withClient = async <T>(url: string, work: (client: Client) => Promise<T>): Promise<T> => {
  const client = new Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
};

const untilConnected = async (child: ChildProcess, url: string): Promise<void> => {
  for (let tries = 0; tries < 1_200 && !hasEnded(child); tries++) {
    try {
      return await withClient(url, async (client) => void (await client.query('select 1')));
    } catch {
      await sleep(50);
    }
  }
  throw new Error(`the PostgreSQL server of the test did not start: ${url}`);
};

/** Files of a running server that must not be copied to a replica. */
const NOT_COPIED = /^(postmaster\.(pid|opts)|pg_wal|pg_replslot|pg_stat_tmp|pg_notify|pgsql_tmp)$/;

const copyCluster = async (from: string, to: string, user?: ServerUser): Promise<void> => {
  const folder = async (path: string): Promise<void> => {
    await mkdir(path, { mode: 0o700 });
    if (user) await chown(path, user.uid, user.gid);
  };
  await folder(to);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (NOT_COPIED.test(entry.name)) {
      if (entry.isDirectory()) await folder(target);
    } else if (entry.isDirectory()) await copyCluster(source, target, user);
    else if (entry.isFile()) await copyOne(source, target, user);
  }
};

/** The running server may remove a file before it is copied. Replaying the write-ahead log corrects that. */
const copyOne = async (source: string, target: string, user?: ServerUser): Promise<void> => {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE);
    if (user) await chown(target, user.uid, user.gid);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
};

const write = async (file: string, text: string, user?: ServerUser): Promise<void> => {
  await writeFile(file, text, { mode: 0o600 });
  if (user) await chown(file, user.uid, user.gid);
};
