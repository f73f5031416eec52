import { pagesOfItems } from './pages';
import { TenantryProblem } from './problem';

describe('the items of a list', () => {
  const PAGES = new Map([
    [undefined, { data: [1, 2], nextCursor: 'b' }],
    ['b', { data: [], nextCursor: 'c' }],
    ['c', { data: [3], nextCursor: null }],
  ]);

  it('are those of all pages, each of which is requested when it is needed', async () => {
    const request = jest.fn(async (cursor: string | undefined) => ({ data: PAGES.get(cursor) as never }));
    const items: number[] = [];
    for await (const item of pagesOfItems<number>(request)) {
      items.push(item);
      if (items.length === 1) expect(request).toHaveBeenCalledTimes(1);
    }
    expect(items).toEqual([1, 2, 3]);
    expect(request.mock.calls).toEqual([[undefined], ['b'], ['c']]);
  });

  it('end with an error if a page is refused', async () => {
    const problem = { type: '/problems/forbidden', title: 'Not allowed', status: 403, requestId: 'r', detail: 'Ask.' };
    const items = pagesOfItems<number>(async () => ({ error: problem }));
    await expect(items.next()).rejects.toThrow(TenantryProblem);
    await expect(pagesOfItems<number>(async () => ({ error: problem })).next()).rejects.toThrow(
      '403 Not allowed: Ask.',
    );
  });
});
