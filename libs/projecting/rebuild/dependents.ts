import { DatabaseError, type Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Projection } from '../projection';

/**
 * Something in the database depends on a table that is read, or was added to it, and would be lost if the table were
 * replaced.
 */
export class TablesInUse extends Error {
  override readonly name = 'TablesInUse';
}

const ADVICE = 'drop it, or make it depend on a view of the table; views are kept by rebuilds';

/**
 * Checks that operators made nothing on the tables of a read model that a rebuild cannot carry over to the new tables:
 * materialized views, foreign keys, functions with an SQL body. It runs before the load, which can take long.
 * @throws TablesInUse the message names each of them
 */
export const requireReplaceable = async (pool: Pool, { name, tables }: Projection): Promise<void> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ dependent: string }>(
      `select d.dependent from projecting.checkpoints c, projecting.dependents(c.tables || $2::text[]) d
       where c.projection = $1 order by 1`,
      [name, Object.keys(tables)],
    ),
  );
  if (rows.length === 0) return;
  const named = rows.map(({ dependent }) => dependent).join('; ');
  throw new TablesInUse(`the tables of ${name} cannot be replaced while this depends on them: ${named}; ${ADVICE}`);
};

/** The message of the database that something depends on a table, on one line; undefined for any other error. */
export const describeRefusal = (error: unknown): string | undefined =>
  error instanceof DatabaseError && error.code === '2BP01'
    ? // The errors that the functions of the product raise already contain the advice.
      [error.message, error.detail, error.routine === 'exec_stmt_raise' ? '' : ADVICE]
        .filter(Boolean)
        .join('; ')
        .replaceAll('\n', '; ')
    : undefined;
