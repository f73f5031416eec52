import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockDirectory } from './lock';
import { startTimeOf } from './process-identity';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tenantry-lock-'));
});
afterEach(() => rm(dir, { recursive: true }));

const writeLock = (content: unknown): Promise<void> => writeFile(join(dir, 'tenantry.lock'), JSON.stringify(content));

describe('lockDirectory', () => {
  it('succeeds for one of several concurrent calls, and again after the release', async () => {
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => lockDirectory(dir)));
    const locks = results.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
    expect(locks).toHaveLength(1);
    await locks[0]?.release();
    await (await lockDirectory(dir)).release();
    expect(await readdir(dir)).toEqual([]);
  });

  it('is refused while the process that holds the lock lives, with its id and the setting', async () => {
    await writeLock({ pid: process.ppid, startTime: startTimeOf(process.ppid) });
    await expect(lockDirectory(dir)).rejects.toThrow(new RegExp(`^DATA_DIR: .*process ${process.ppid}\\..*DATA_DIR=`));
  });

  it.each([
    ['of a process that does not exist', { pid: 2 ** 22 + 1, startTime: 'then' }],
    ['whose process id belongs to another process now', { pid: process.ppid, startTime: 'long ago' }],
    ['that is incomplete', '{"pid":'],
  ])('replaces a lock %s', async (_, content) => {
    await writeLock(content);
    await (await lockDirectory(dir)).release();
  });
});
