import { createTestDatabase } from '#testing/database';
import { inChildren } from '../children';
import type { AppenderInput } from '../children/appender';
import type { Bench, Group, Measured } from '../group';
import { inRounds } from '../load';
import { median, ratios, shown } from '../statistics';

/** Four processes that share a log, compared with one process that has as many appends in flight. */
export const processes: Group = {
  ids: ['append.procs'],
  measure: async ({ pace }: Bench): Promise<Measured[]> => {
    const database = await createTestDatabase();
    const { urls } = database;
    const appended = async (count: number, inFlight: number): Promise<number> => {
      const inputs = Array.from({ length: count }, () => ({ urls, inFlight, pace }));
      const rates = await inChildren<AppenderInput, number>('appender', inputs);
      return rates.reduce((sum, rate) => sum + rate, 0);
    };
    const { four, one } = await inRounds(pace.rounds, { four: () => appended(4, 32), one: () => appended(1, 128) });
    await database.drop();
    const detail = `${shown(median(four))} appends/s of four to ${shown(median(one))} of one`;
    return [{ id: 'append.procs', samples: ratios(four, one), detail }];
  },
};
