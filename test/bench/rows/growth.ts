import { createTestDatabase } from '#testing/database';
import type { Bench, Group, Measured } from '../group';
import { inRounds, turn } from '../load';
import { productAppends } from '../product';
import { median, ratios, shown } from '../statistics';
import { breakdown, perEvent, relationsOfLog } from './bytes';

/** Appends to a log with millions of events, compared with appends to an empty one. */
export const appendGrown: Group = {
  ids: ['growth.append'],
  measure: async ({ pace, bigSystem, say }: Bench): Promise<Measured[]> => {
    const { database: big } = await bigSystem();
    const relations = await relationsOfLog(big.urls.owner);
    say(
      `the large log takes ${shown(perEvent(relations, pace.events))} bytes per event: ${breakdown(relations, pace.events)}`,
    );
    const empty = await createTestDatabase();
    const results = await inRounds(pace.rounds, {
      grown: () => turn(productAppends(big, pace.tenants), 64, pace),
      empty: () => turn(productAppends(empty, pace.tenants), 64, pace),
    });
    await empty.drop();
    const [grown, from] = [results.grown, results.empty].map((loads) => loads.map(({ perSecond }) => perSecond));
    const detail = `${shown(median(grown ?? []))} appends/s to ${shown(median(from ?? []))} on an empty log`;
    return [{ id: 'growth.append', samples: ratios(grown ?? [], from ?? []), detail }];
  },
};
