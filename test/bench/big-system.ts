import type { TestDatabase } from '#testing/database';
import { inChildren } from './children';
import type { RebuilderInput, Rebuilt } from './children/rebuilder';
import type { Pace } from './options';
import { createProductDatabase } from './product';
import { fillLog } from './tasks/fill';

/** A log with millions of events of thousands of tenants, and the read model of them. */
export interface BigSystem {
  readonly database: TestDatabase;
  /** What the rebuild that made the read model took. */
  readonly rebuilt: Rebuilt;
}

export const createBigSystem = async ({ events, tenants }: Pace, say: (line: string) => void): Promise<BigSystem> => {
  say(`filling a log with ${events.toLocaleString('en-US')} events …`);
  const database = await createProductDatabase();
  await fillLog(database.urls.owner, { events, tenants, eventsPerTask: 1, block: 20_000 });
  const [rebuilt] = await inChildren<RebuilderInput, Rebuilt>('rebuilder', [
    { urls: database.urls, rolePrefix: database.rolePrefix },
  ]);
  if (!rebuilt) throw new Error('the rebuild told nothing');
  return { database, rebuilt };
};
