import { DatabaseError, type Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Projection } from '../projection';

/** Something in the database depends on a table that is read, or was added to it, and would be lost with it. */
export class TablesInUse extends Error {
  override readonly name = 'TablesInUse';
}

const ADVICE = 'drop it, or make it depend on a view of the table; views are kept by rebuilds';

/**
 * Looks for what operators made on the tables of a read model and a rebuild can't carry over to the new ones: materialized
 * views, foreign keys, functions with an SQL body. Better before the history is loaded than after it.
 * @throws TablesInUse it names each of them
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

/** What the database says where something depends on a table, on one line; undefined of any other error. */
export const describeRefusal = (error: unknown): string | undefined =>
  error instanceof DatabaseError && error.code === '2BP01'
    ? // What our own functions raise says itself what to do.
      [error.message, error.detail, error.routine === 'exec_stmt_raise' ? '' : ADVICE]
        .filter(Boolean)
        .join('; ')
        .replaceAll('\n', '; ')
    : undefined;
