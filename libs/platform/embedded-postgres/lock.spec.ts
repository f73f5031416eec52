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

const holder = (content: unknown): Promise<void> => writeFile(join(dir, 'tenantry.lock'), JSON.stringify(content));

describe('lockDirectory', () => {
  it('is taken by one of many at once, and can be taken again when released', async () => {
    const results = await Promise.allSettled([1, 2, 3, 4].map(() => lockDirectory(dir)));
    const taken = results.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
    expect(taken).toHaveLength(1);
    await taken[0]?.release();
    await (await lockDirectory(dir)).release();
    expect(await readdir(dir)).toEqual([]);
  });

  it('is refused while its process lives, naming that and the setting', async () => {
    await holder({ pid: process.ppid, startTime: startTimeOf(process.ppid) });
    await expect(lockDirectory(dir)).rejects.toThrow(new RegExp(`^DATA_DIR: .*process ${process.ppid}\\..*DATA_DIR=`));
  });

  it.each([
    ['whose process is gone', { pid: 2 ** 22 + 1, startTime: 'then' }],
    ['whose process id belongs to another process by now', { pid: process.ppid, startTime: 'long ago' }],
    ['that was written by half', '{"pid":'],
  ])('is taken over from a holder %s', async (_, content) => {
    await holder(content);
    await (await lockDirectory(dir)).release();
  });
});
