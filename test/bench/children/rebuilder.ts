import { performance } from 'node:perf_hooks';
import type { TestDatabase } from '#testing/database';
import { asChild } from '../children';
import { openLog, openProjectorPool } from '../product';
import { rebuildTasks } from '../tasks/rebuild';

export type RebuilderInput = Pick<TestDatabase, 'urls' | 'rolePrefix'>;

export interface Rebuilt {
  readonly seconds: number;
  /** Memory of the process in MiB: before the rebuild, its maximum, and after each quarter of the time. */
  readonly before: number;
  readonly peak: number;
  readonly course: readonly number[];
}

const MIB = 2 ** 20;
const rss = (): number => process.memoryUsage.rss() / MIB;

/** A process that rebuilds the read model of the benchmark. Its result is the time and the memory of the rebuild. */
asChild<RebuilderInput, Rebuilt>(async ({ urls, rolePrefix }) => {
  const log = openLog({ urls });
  const pool = openProjectorPool(urls);
  await Promise.all([log.head(), pool.query('select 1')]);
  return async () => {
    const before = rss();
    const began = performance.now();
    const course: number[] = [];
    const timer = setInterval(() => course.push(rss()), 50);
    await rebuildTasks(log, pool, rolePrefix);
    clearInterval(timer);
    const seconds = (performance.now() - began) / 1_000;
    const quarters = [1, 2, 3, 4].map((quarter) => course[Math.floor((course.length * quarter) / 4) - 1] ?? rss());
    // The kernel's maximum, in KiB, so that no peak between two samples is missed.
    const peak = process.resourceUsage().maxRSS / 1_024;
    await Promise.all([log.close(), pool.end()]);
    return { seconds, before, peak, course: quarters };
  };
});
