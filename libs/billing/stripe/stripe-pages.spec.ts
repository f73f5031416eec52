import { allPages } from './stripe-pages';

describe('a list of Stripe’s', () => {
  it('is read to its end, a page at a time', async () => {
    const everything = Array.from({ length: 250 }, (_, at) => ({ id: `in_${at}` }));
    const read = await allPages(async ({ limit, starting_after }) => {
      const from = everything.findIndex(({ id }) => id === starting_after) + 1;
      return { data: everything.slice(from, from + limit), has_more: from + limit < everything.length };
    });
    expect(read).toEqual(everything);
  });
});
