import { createHash } from 'node:crypto';
import { readFileSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { codeOf } from '../error-code';
import { EmbeddedPostgresError } from './errors';

/** Whom the server runs as. PostgreSQL refuses to run as root. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** Where the cluster's files are, below a data directory. */
export const clusterOf = (dataDir: string): string => join(dataDir, 'postgres');

/**
 * Undefined where this process is not root: the server then runs as the user who started this process. As root: the owner of the
 * files that are there, else `postgres`, else `nobody`. No user is made.
 */
export const serverUser = (dataDir: string): ServerUser | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const cluster = statOf(clusterOf(dataDir));
  if (cluster && cluster.uid !== 0) return { uid: cluster.uid, gid: cluster.gid };
  const user = accountOf('postgres') ?? accountOf('nobody');
  if (user) return user;
  throw new EmbeddedPostgresError(
    'PostgreSQL does not run as root, and this system has neither a user postgres nor nobody. Start as another user, or set DATABASE_URL, for example postgres://owner:secret@127.0.0.1:5432/tenantry',
  );
};

/**
 * The directory to really use. As root that is another one where the server's user could not get to the wanted one,
 * as under root's own private home.
 */
export const usableDataDir = (wanted: string): { dir: string; moved: boolean } => {
  requireFolder(wanted);
  const user = serverUser(wanted);
  if (!user || isReachable(wanted, user)) return { dir: wanted, moved: false };
  const name = createHash('sha256').update(wanted).digest('hex').slice(0, 16);
  return { dir: join('/var/lib/tenantry', name), moved: true };
};

/** @throws EmbeddedPostgresError the path, or what lies above it, is a file */
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
    // What does not exist yet will be made by us, and traversable.
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
    // Below a file there is nothing.
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
