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
 * Creates the cluster if it does not exist. An interrupted first start leaves nothing that a later start would use as a
 * cluster.
 * @returns the password of the superuser
 * @throws EmbeddedPostgresError the files cannot be used as a cluster, or the server's programs cannot be run
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
  // The initdb of a killed start may still be writing to its folder. So each start makes a new folder, and a folder
  // that cannot be removed yet is left for the next start.
  await discard(unfinished);
  await mkdir(unfinished, { recursive: true });
  await chmod(unfinished, 0o711);
  const work = await mkdtemp(join(unfinished, 'cluster-'));
  const initialPasswordFile = join(work, 'password');
  await writeFile(initialPasswordFile, password, { mode: 0o600 });
  if (user) await Promise.all([work, initialPasswordFile].map((path) => chown(path, user.uid, user.gid)));
  const newCluster = join(work, 'cluster');
  await run(
    binaries.initdb,
    [
      ...['--pgdata', newCluster, '--username', SUPERUSER, '--pwfile', initialPasswordFile, '--auth', 'scram-sha-256'],
      ...['--encoding', 'UTF8', '--locale-provider', 'builtin', '--builtin-locale', 'C.UTF-8', '--locale', 'C'],
      '--no-instructions',
    ],
    '',
    user,
  );
  await run(binaries.postgres, ['--single', '-D', newCluster, 'template1'], `create database ${DATABASE}\n`, user);
  // The password is written before the cluster is moved into place: a cluster without its password would be useless.
  await writeFile(passwordFile, password, { mode: 0o600 });
  await chmod(passwordFile, 0o600);
  await rename(newCluster, cluster);
  await discard(unfinished);
  return password;
};

const discard = (folder: string): Promise<void> => rm(folder, { recursive: true, force: true }).catch(() => undefined);

/** Reads a file that every cluster of Tenantry has. @throws EmbeddedPostgresError it cannot be read */
const readFileOf = async (file: string, cluster: string): Promise<string> => {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new EmbeddedPostgresError(
      `DATA_DIR: ${cluster} is not a database that Tenantry has created (${file} cannot be read). Move the folder away, restore the file, or set another folder, for example DATA_DIR=.data-2`,
      { cause: error },
    );
  }
};

const requireUsable = async (cluster: string, binaries: Binaries): Promise<void> => {
  const owner = (await stat(cluster)).uid;
  const self = process.getuid?.();
  if (self !== undefined && self !== 0 && self !== owner) {
    throw new EmbeddedPostgresError(
      `DATA_DIR: ${cluster} belongs to the user with id ${owner}, and this process runs as the user with id ${self}. Start it as that user or as root, or set another folder, for example DATA_DIR=.data-2`,
    );
  }
  const major = (await readFileOf(join(cluster, 'PG_VERSION'), cluster)).trim();
  if (major !== binaries.major) {
    throw new EmbeddedPostgresError(
      `DATA_DIR: ${cluster} was created by PostgreSQL ${major}, and this version of Tenantry contains PostgreSQL ${binaries.major}. Dump the database with the former version and restore it with this one, or set another folder, for example DATA_DIR=.data-2`,
    );
  }
};

/** Runs a program of the server and waits for its end. @throws EmbeddedPostgresError with the program's output */
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

/** The environment of the server. No variable of this process (PGDATA, PGOPTIONS, LC_ALL …) is passed on. */
export const serverEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  LC_ALL: 'C',
  TZ: 'UTC',
  ...(process.platform === 'win32' && { SystemRoot: process.env['SystemRoot'] }),
});

export const cannotRun = (file: string, error: Error): EmbeddedPostgresError =>
  new EmbeddedPostgresError(
    `the embedded PostgreSQL cannot be run (${file}: ${error.message}). If this system does not allow it (musl, noexec, no right to change the user), set DATABASE_URL, for example postgres://owner:secret@127.0.0.1:5432/tenantry`,
    { cause: error },
  );
