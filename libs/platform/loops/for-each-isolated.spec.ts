import { forEachIsolated } from './for-each-isolated';

describe('forEachIsolated', () => {
  it('continues after an item whose work fails, and reports the failure', async () => {
    const [done, failed] = [[] as number[], [] as [string, number][]];
    const work = async (item: number): Promise<void> => {
      if (item === 2) throw new Error('refused');
      done.push(item);
    };
    await forEachIsolated([1, 2, 3], work, (error, item) => failed.push([(error as Error).message, item]));
    expect([done, failed]).toEqual([[1, 3], [['refused', 2]]]);
  });
});
