import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Binaries } from './binaries';
import { EmbeddedPostgresError } from './errors';
import { clusterOf, type ServerUser } from './server-user';

export const SUPERUSER = 'tenantry_owner';
export const DATABASE = 'tenantry';

/**
 * Makes the cluster unless it is there, and answers with the superuser's password. A first start that was interrupted
 * leaves nothing that a second one would take for a cluster.
 */
export const ensureCluster = async (dataDir: string, binaries: Binaries, user?: ServerUser): Promise<string> => {
  const cluster = clusterOf(dataDir);
  const passwordFile = join(dataDir, 'postgres.password');
  if (existsSync(cluster)) {
    await requireUsable(cluster, binaries);
    return (await readFileOf(passwordFile, cluster)).trim();
  }
  const password = randomBytes(24).toString('base64url');
  const unfinished = join(dataDir, 'postgres.unfinished');
  // What a start that was killed has left may still be written to by its initdb, so each start has a folder of its own,
  // and what can't be removed yet is left to the next one.
  await discard(unfinished);
  await mkdir(unfinished, { recursive: true });
  await chmod(unfinished, 0o711);
  const work = await mkdtemp(join(unfinished, 'cluster-'));
  const handedOver = join(work, 'password');
  await writeFile(handedOver, password, { mode: 0o600 });
  if (user) await Promise.all([work, handedOver].map((path) => chown(path, user.uid, user.gid)));
  const made = join(work, 'cluster');
  await run(
    binaries.initdb,
    [
      ...['--pgdata', made, '--username', SUPERUSER, '--pwfile', handedOver, '--auth', 'scram-sha-256'],
      ...['--encoding', 'UTF8', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--locale', 'C'],
      '--no-instructions',
    ],
    '',
    user,
  );
  await run(binaries.postgres, ['--single', '-D', made, 'template1'], `create database ${DATABASE}\n`, user);
  // In this order: a cluster without its password would be of no use.
  await writeFile(passwordFile, password, { mode: 0o600 });
  await chmod(passwordFile, 0o600);
  await rename(made, cluster);
  await discard(unfinished);
  return password;
};

const discard = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true }).catch(() => undefined);

/** A file without which the cluster is none of ours. */
const readFileOf = async (file: string, cluster: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new EmbeddedPostgresError(
      `DATA_DIR: ${cluster} is no database that Tenantry has made (${file} can't be read). Move it away, put the file back, or set another folder, for example DATA_DIR=.data-2`,
      { cause: error },
    );
  }
};

const requireUsable = async (cluster: string, binaries: Binaries): Promise<void> => {
  const owner = (await stat(cluster)).uid;
  const self = process.getuid?.();
  if (self !== undefined && self !== 0 && self !== owner) {
    throw new EmbeddedPostgresError(
      `DATA_DIR: ${cluster} belongs to the user with id ${owner}, and this process runs as ${self}. Start as that user or as root, or set another folder, for example DATA_DIR=.data-2`,
    );
  }
  const major = (await readFileOf(join(cluster, 'PG_VERSION'), cluster)).trim();
  if (major !== binaries.major) {
    throw new EmbeddedPostgresError(
      `DATA_DIR: ${cluster} was made by PostgreSQL ${major}, and this version of Tenantry brings ${binaries.major}. Dump it with the former version, restore it with this one, or set another folder, for example DATA_DIR=.data-2`,
    );
  }
};

/** Runs one of the server's programs to its end. */
const run = (file: string, args: string[], input: string, user?: ServerUser): Promise<void> =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...user,
      cwd: dirname(file),
      env: serverEnvironment(),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let output = '';
    const collect = (data: Buffer): void => {
      output = (output + data.toString()).slice(-4_000);
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('error', (error) => reject(cannotRun(file, error)));
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new EmbeddedPostgresError(`${file} ended with ${signal ?? `code ${code}`}:\n${output.trim()}`));
    });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });

/** No variable of the caller (PGDATA, PGOPTIONS, LC_ALL …) reaches the server. */
export const serverEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  LC_ALL: 'C',
  TZ: 'UTC',
  ...(process.platform === 'win32' && { SystemRoot: process.env['SystemRoot'] }),
});

export const cannotRun = (file: string, error: Error): EmbeddedPostgresError =>
  new EmbeddedPostgresError(
    `the embedded PostgreSQL can't be run (${file}: ${error.message}). Where this system does not allow it (musl, noexec, no right to change the user), set DATABASE_URL, for example postgres://owner:secret@127.0.0.1:5432/tenantry`,
    { cause: error },
  );
