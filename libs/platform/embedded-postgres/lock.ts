import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../error-code';
import { EmbeddedPostgresError } from './errors';
import { isAlive, startTimeOf } from './process-identity';

interface Holder {
  pid: number;
  startTime?: string;
}

export interface Lock {
  release(): Promise<void>;
}

/**
 * Locks a data directory for this process. A lock of a process that no longer exists is replaced.
 * @throws EmbeddedPostgresError another process holds the lock; the message contains its id
 */
export const lockDirectory = async (dataDir: string): Promise<Lock> => {
  const file = join(dataDir, 'tenantry.lock');
  const own = `${file}.${randomUUID()}`;
  const startTime = startTimeOf(process.pid);
  await writeFile(own, JSON.stringify({ pid: process.pid, ...(startTime && { startTime }) } satisfies Holder));
  try {
    for (let attempt = 1; attempt <= 5; attempt++) {
      // Making a link is atomic, and never replaces an existing file.
      if (await tryLink(own, file)) return { release: () => rm(file, { force: true }) };
      const holder = await readHolder(file);
      if (holder && isHeld(holder)) throw inUse(dataDir, holder.pid);
      // If two processes find the same stale lock, only one of them can move it away.
      await rename(file, `${own}.stale`).catch(() => undefined);
    }
    throw new EmbeddedPostgresError(
      `DATA_DIR: ${file} cannot be locked, because several processes are starting at the same time. Start one of them again`,
    );
  } finally {
    await Promise.all([rm(own, { force: true }), rm(`${own}.stale`, { force: true })]);
  }
};

const inUse = (dataDir: string, pid: number): EmbeddedPostgresError =>
  new EmbeddedPostgresError(
    `DATA_DIR: ${dataDir} is used by another Tenantry, process ${pid}. Stop that process (kill ${pid}), or set another ` +
      'folder for this one, for example DATA_DIR=.data-2. To run several processes on one database, set DATABASE_URL.',
  );

const tryLink = async (from: string, to: string): Promise<boolean> => {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
};

const readHolder = async (file: string): Promise<Holder | undefined> => {
  try {
    const { pid, startTime } = JSON.parse(await readFile(file, 'utf8')) as Partial<Holder>;
    return typeof pid === 'number' ? { pid, ...(startTime && { startTime }) } : undefined;
  } catch {
    return undefined;
  }
};

const isHeld = ({ pid, startTime }: Holder): boolean => {
  if (!isAlive(pid)) return false;
  const now = startTimeOf(pid);
  return startTime === undefined || now === undefined || now === startTime;
};
