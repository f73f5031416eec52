import type { TestDatabase } from '#testing/database';
import { asChild } from '../children';
import { closedLoop } from '../load';
import type { Pace } from '../options';
import { openLog } from '../product';
import { appendTask, tenantId } from '../tasks/events';

export interface AppenderInput {
  readonly urls: TestDatabase['urls'];
  readonly inFlight: number;
  readonly pace: Pace;
}

/** A process that appends events. Its result is the number of appends per second. */
asChild<AppenderInput, number>(async ({ urls, inFlight, pace }) => {
  const log = openLog({ urls });
  await log.head();
  return async () => {
    const append = (): Promise<unknown> => log.append(appendTask(tenantId(Math.floor(Math.random() * 1_000))));
    const { perSecond } = await closedLoop(append, inFlight, pace);
    await log.close();
    return perSecond;
  };
});
