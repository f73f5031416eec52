import { createTestDatabase } from '#testing/database';
import type { Bench, Group, Measured } from '../group';
import { inRounds, type Load, turn } from '../load';
import { createEmmettDatabase, emmettAppends } from '../peers/emmett';
import { floorTool, insertsPerSecond } from '../peers/pgbench';
import { productAppends } from '../product';
import { median, percentile, ratios, shown } from '../statistics';

const rates = (loads: readonly Load[]): number[] => loads.map(({ perSecond }) => perSecond);
const p99s = (loads: readonly Load[]): number[] => loads.map(({ latencies }) => percentile(latencies, 0.99));

const compared = (ours: readonly number[], theirs: readonly number[], unit: string, name: string): string =>
  `${shown(median(ours))} ${unit} to ${name}'s ${shown(median(theirs))}`;

/** Appends with 1, 16 and 64 in flight, compared with Emmett and with commits of one insert. */
export const appending: Group = {
  ids: ['append.1', 'append.16', 'append.64', 'append.64.floor', 'append.64.p99'],
  measure: async (bench: Bench): Promise<Measured[]> => {
    const { server, pace } = bench;
    const database = await createTestDatabase();
    const emmettUrl = await createEmmettDatabase(server.url, 'tenantry_bench_emmett');
    const ours = productAppends(database);
    const both = (inFlight: number) => ({
      ours: () => turn(ours, inFlight, pace),
      emmett: () => turn(emmettAppends(emmettUrl, inFlight), inFlight, pace),
    });
    const measured: Measured[] = [];

    for (const inFlight of [1, 16] as const) {
      const id = `append.${inFlight}` as const;
      if (!bench.wants(id)) continue;
      const { ours, emmett } = await inRounds(pace.rounds, both(inFlight));
      measured.push({
        id,
        samples: ratios(rates(ours), rates(emmett)),
        detail: compared(rates(ours), rates(emmett), 'appends/s', 'Emmett'),
      });
    }

    if (bench.wants('append.64') || bench.wants('append.64.floor') || bench.wants('append.64.p99')) {
      const floor = async (): Promise<Load> => ({
        perSecond: await insertsPerSecond(emmettUrl, 64, pace),
        latencies: [],
      });
      const results = await inRounds(pace.rounds, { ...both(64), floor });
      const [ours, emmett, floors] = [rates(results.ours), rates(results.emmett), rates(results.floor)];
      const [ourP99, emmettP99] = [p99s(results.ours), p99s(results.emmett)];
      measured.push(
        { id: 'append.64', samples: ratios(ours, emmett), detail: compared(ours, emmett, 'appends/s', 'Emmett') },
        { id: 'append.64.floor', samples: ratios(ours, floors), detail: compared(ours, floors, '/s', floorTool) },
        {
          id: 'append.64.p99',
          samples: ratios(ourP99, emmettP99),
          detail: compared(ourP99, emmettP99, 'ms', 'Emmett'),
        },
      );
    }
    await database.drop();
    return measured;
  },
};
