import { allPages } from './stripe-pages';

describe('a list of Stripe', () => {
  it('is read to its end, a page at a time', async () => {
    const items = Array.from({ length: 250 }, (_, at) => ({ id: `in_${at}` }));
    const read = await allPages(async ({ limit, starting_after }) => {
      const from = items.findIndex(({ id }) => id === starting_after) + 1;
      return { data: items.slice(from, from + limit), has_more: from + limit < items.length };
    });
    expect(read).toEqual(items);
  });
});
