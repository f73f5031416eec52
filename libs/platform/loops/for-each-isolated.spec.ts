import { forEachIsolated } from './for-each-isolated';

describe('work at each of many', () => {
  it('continues after one that fails, and tells of it', async () => {
    const [done, failed] = [[] as number[], [] as [string, number][]];
    const work = async (one: number): Promise<void> => {
      if (one === 2) throw new Error('refused');
      done.push(one);
    };
    await forEachIsolated([1, 2, 3], work, (error, one) => failed.push([(error as Error).message, one]));
    expect([done, failed]).toEqual([[1, 3], [['refused', 2]]]);
  });
});
