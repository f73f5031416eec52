import type { TestDatabase } from '#testing/database';
import { inChildren } from './children';
import type { RebuilderInput, Rebuilt } from './children/rebuilder';
import type { Pace } from './options';
import { createProductDatabase } from './product';
import { fillLog } from './tasks/fill';

/** A log with millions of events of thousands of tenants, and their read model. */
export interface BigSystem {
  readonly database: TestDatabase;
  /** Time and memory of the rebuild that created the read model. */
  readonly rebuilt: Rebuilt;
}

export const createBigSystem = async ({ events, tenants }: Pace, say: (line: string) => void): Promise<BigSystem> => {
  say(`filling a log with ${events.toLocaleString('en-US')} events …`);
  const database = await createProductDatabase();
  await fillLog(database.urls.owner, { events, tenants, eventsPerTask: 1, block: 20_000 });
  const [rebuilt] = await inChildren<RebuilderInput, Rebuilt>('rebuilder', [
    { urls: database.urls, rolePrefix: database.rolePrefix },
  ]);
  if (!rebuilt) throw new Error('the process of the rebuild returned no result');
  return { database, rebuilt };
};
