import { MIGRATIONS, RETIRED } from '../migrations';

describe('the retired migrations', () => {
  it('share no id with a present one', () => {
    const ids = new Set(MIGRATIONS.map(({ id }) => id));
    expect(RETIRED.filter((id) => ids.has(id))).toEqual([]);
    expect(new Set(RETIRED).size).toBe(RETIRED.length);
  });
});
