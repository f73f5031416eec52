import { createHash } from 'node:crypto';
import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf } from '../error-code';
import { EmbeddedPostgresError } from './errors';

/** The user as which the server runs. PostgreSQL refuses to run as root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The folder of the cluster in a data directory. */
export const clusterOf = (dataDir: string): string => join(dataDir, 'postgres');

/**
 * The user as which the server runs. Undefined if this process is not root: the server then runs as the same user. As
 * root: the owner of the cluster if it exists, otherwise `postgres`, otherwise `nobody`. No user is created.
 * @throws EmbeddedPostgresError neither of these users exists
 */
export const serverUser = (dataDir: string): ServerUser | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const cluster = statOf(clusterOf(dataDir));
  if (cluster && cluster.uid !== 0) return { uid: cluster.uid, gid: cluster.gid };
  const user = accountOf('postgres') ?? accountOf('nobody');
  if (user) return user;
  throw new EmbeddedPostgresError(
    'PostgreSQL does not run as root, and this system has neither a user "postgres" nor a user "nobody". Start as another user, or set DATABASE_URL, for example postgres://owner:secret@127.0.0.1:5432/tenantry',
  );
};

/**
 * The data directory to use. If this process is root and the server's user has no access to the wanted directory, for
 * example below the home of root, it is a directory below /var/lib/tenantry (`moved` is true then).
 * @throws EmbeddedPostgresError a part of the path is a file
 */
export const usableDataDir = (wanted: string): { dir: string; moved: boolean } => {
  requireFolder(wanted);
  const user = serverUser(wanted);
  if (!user || isReachable(wanted, user)) return { dir: wanted, moved: false };
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 16);
  return { dir: join('/var/lib/tenantry', name), moved: true };
};

/** @throws EmbeddedPostgresError the path or one of its parents is a file */
const requireFolder = (wanted: string): void => {
  for (let at = wanted; ; at = dirname(at)) {
    const stats = statOf(at);
    if (stats && !stats.isDirectory())
      throw new EmbeddedPostgresError(`DATA_DIR: ${at} is a file. Name a folder, for example DATA_DIR=.data`);
    if (stats || at === dirname(at)) return;
  }
};

const isReachable = (path: string, user: ServerUser): boolean => {
  for (let at = path; ; at = dirname(at)) {
    const stats = statOf(at);
    // Folders that do not exist yet will be made traversable.
    if (stats && !mayTraverse(stats, user)) return false;
    if (at === dirname(at)) return true;
  }
};

const mayTraverse = ({ mode, uid, gid }: Stats, user: ServerUser): boolean => {
  const bit = uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001;
  return (mode & bit) !== 0;
};

const statOf = (path: string): Stats | undefined => {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // A parent is a file, so the path does not exist.
    if (codeOf(error) === 'ENOTDIR') return undefined;
    throw error;
  }
};

const accountOf = (name: string): ServerUser | undefined => {
  const line = readAccounts().find((it) => it.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  return uid && gid ? { uid: Number(uid), gid: Number(gid) } : undefined;
};

const readAccounts = (): string[] => {
  try {
    return readFileSync('/etc/passwd', 'utf8').split('\n');
  } catch {
    return [];
  }
};
