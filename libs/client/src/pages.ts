import { unwrap } from './problem.js';
import type { components } from './schema.js';

/** One page of a list. */
export interface Page<Item> {
  readonly data: readonly Item[];
  /** The query parameter `cursor` of the next page; null on the last page. */
  readonly nextCursor: string | null;
}

interface Answer<Item> {
  readonly data?: Page<Item>;
  readonly error?: components['schemas']['Problem'];
}

/** The pages of a list, one after another. @param request sends the request for one page; undefined: the first one */
export async function* pagesOf<Item>(
  request: (cursor: string | undefined) => Promise<Answer<Item>>,
): AsyncGenerator<Page<Item>, void, void> {
  for (let cursor: string | undefined, isLast = false; !isLast; ) {
    const page = unwrap(await request(cursor));
    yield page;
    isLast = page.nextCursor === null;
    cursor = page.nextCursor ?? undefined;
  }
}

/**
 * The items of all pages of a list. The next page is requested when it is needed. For example:
 * `for await (const task of pagesOfItems((cursor) => client.GET('/v1/projects/{id}/tasks', { params: … })))`
 * @param request sends the request for one page; undefined: the first one
 * @throws TenantryProblem a page was refused
 */
export async function* pagesOfItems<Item>(
  request: (cursor: string | undefined) => Promise<Answer<Item>>,
): AsyncGenerator<Item, void, void> {
  for await (const { data } of pagesOf(request)) yield* data;
}
