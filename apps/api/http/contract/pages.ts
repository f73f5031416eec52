import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Sealer } from '#platform/encryption';
import { Problem } from '#platform/problems';
import { requestStateOf } from '../requests/request-context';
import { Integer, Opaque } from '../validation/fields';

/** Query parameters of a list. Routes with filters extend the class. */
export class PageQuery {
  @Integer({ min: 1, max: 100, optional: true, description: 'Maximum number of entries on a page. Default: 50.' })
  limit?: number;

  @Opaque({ max: 1024, optional: true, description: '`nextCursor` of the previous page. Omit to get the first page.' })
  cursor?: string;
}

export interface Page<Item> {
  readonly data: readonly Item[];
  /** Null on the last page. */
  readonly nextCursor: string | null;
}

/** The values by which a list is sorted, for one row. The last value is unique. */
export type SortKey = readonly (string | number)[];

export interface Paging {
  /**
   * Reads one page of a list: at most `query.limit` rows, 50 by default.
   * @param keyOf returns the sort key of a row
   * @param read reads `count` rows after a sort key, or from the beginning
   * @throws Problem validation-failed at `/query/cursor`: the cursor is malformed or belongs to another tenant or list
   */
  page<Item>(
    query: PageQuery,
    keyOf: (item: Item) => SortKey,
    read: (after: SortKey | undefined, count: number) => Promise<readonly Item[]>,
  ): Promise<Page<Item>>;
}

/** Name of the Fastify decorator that holds the {@link Sealer} of cursors. */
export const PAGE_CURSORS = 'pageCursors';

const DEFAULT_LIMIT = 50;

/** Parameter of a controller's method: the {@link Paging} of the request. */
export const Pages = createParamDecorator((_: unknown, execution: ExecutionContext): Paging => {
  const request = execution.switchToHttp().getRequest<FastifyRequest>();
  const sealer = request.server.getDecorator<Sealer>(PAGE_CURSORS);
  // A cursor belongs to one list and one tenant (or to one user who is signed in without a tenant). It cannot be opened
  // for another one.
  const { principal } = requestStateOf(request);
  const context = `${principal?.tenantId ?? principal?.userId ?? ''} ${pathOf(request.url)}`;
  return {
    page: async (query, keyOf, read) => {
      const limit = query.limit ?? DEFAULT_LIMIT;
      const after = query.cursor === undefined ? undefined : openCursor(sealer, context, query.cursor);
      // One row more than the limit shows whether there is a next page.
      const rows = await read(after, limit + 1);
      const data = rows.slice(0, limit);
      const last = rows.length > limit ? data.at(-1) : undefined;
      return { data, nextCursor: last === undefined ? null : sealCursor(sealer, context, keyOf(last)) };
    },
  };
});

const pathOf = (url: string): string => url.split('?', 1)[0] ?? url;

const sealCursor = (sealer: Sealer, context: string, key: SortKey): string =>
  sealer.seal(Buffer.from(JSON.stringify(key)), context).toString('base64url');

const openCursor = (sealer: Sealer, context: string, cursor: string): SortKey => {
  const plain = /^[A-Za-z0-9_-]+$/.test(cursor) ? sealer.open(Buffer.from(cursor, 'base64url'), context) : undefined;
  if (!plain) {
    const message = 'must be a nextCursor of this list';
    throw new Problem('validation-failed', {
      detail: `The cursor ${message}.`,
      errors: [{ pointer: '/query/cursor', message }],
    });
  }
  return JSON.parse(plain.toString('utf8')) as SortKey;
};
