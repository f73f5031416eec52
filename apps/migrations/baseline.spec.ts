import { BASELINE, MIGRATIONS } from '../migrations';

describe('the baseline', () => {
  it('ends with a migration of the product', () => {
    expect(MIGRATIONS.map(({ id }) => id)).toContain(BASELINE.last);
  });

  it('replaces no migration whose id is in use again', () => {
    const ids = new Set(MIGRATIONS.map(({ id }) => id));
    expect(BASELINE.replaces.filter((id) => ids.has(id))).toEqual([]);
    expect(new Set(BASELINE.replaces).size).toBe(BASELINE.replaces.length);
  });
});
