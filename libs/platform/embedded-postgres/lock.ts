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
 * One process per data directory. The lock of a process that is gone, however it ended, is taken over.
 * @throws EmbeddedPostgresError naming the process that holds it
 */
export const lockDirectory = async (dataDir: string): Promise<Lock> => {
  const file = join(dataDir, 'tenantry.lock');
  const own = `${file}.${randomUUID()}`;
  const startTime = startTimeOf(process.pid);
  await writeFile(own, JSON.stringify({ pid: process.pid, ...(startTime && { startTime }) } satisfies Holder));
  try {
    for (let attempt = 1; attempt <= 5; attempt++) {
      // A link is made whole or not at all, and never over a file that is there.
      if (await linked(own, file)) return { release: () => rm(file, { force: true }) };
      const holder = await readHolder(file);
      if (holder && isHeld(holder)) throw inUse(dataDir, holder.pid);
      // Two that find the same stale lock: moving it away succeeds for one of them only.
      await rename(file, `${own}.stale`).catch(() => undefined);
    }
    throw new EmbeddedPostgresError(`DATA_DIR: ${file} can't be taken; are several starts under way?`);
  } finally {
    await Promise.all([rm(own, { force: true }), rm(`${own}.stale`, { force: true })]);
  }
};

const inUse = (dataDir: string, pid: number): EmbeddedPostgresError =>
  new EmbeddedPostgresError(
    `DATA_DIR: ${dataDir} is used by another Tenantry, process ${pid}. Stop that one (kill ${pid}), or give this one a ` +
      'folder of its own, for example DATA_DIR=.data-2. Several processes on one database need DATABASE_URL.',
  );

const linked = async (from: string, to: string): Promise<boolean> => {
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
