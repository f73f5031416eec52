import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';

/** Where one projection is in the log; 0 where it is not installed. @param pool connects as any role that may read checkpoints */
export const readPosition = async (pool: Pool, projection: string): Promise<Position> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ position: string }>({
      name: 'read-position',
      text: 'select position::text from projecting.checkpoints where projection = $1',
      values: [projection],
    }),
  );
  return BigInt(rows[0]?.position ?? 0);
};

/** Whether a projection has stopped for a partition. @param pool connects as the projector */
export const isPartitionParked = async (pool: Pool, projection: string, partition: string): Promise<boolean> => {
  const { rowCount } = await withClient(pool, (client) =>
    client.query('select from projecting.parked where projection = $1 and partition = $2', [projection, partition]),
  );
  return rowCount !== 0;
};

/**
 * SQL that is true where every read model is at that position or later, and none is being built from what the log held before.
 * @param position an SQL expression
 */
export const allHaveReached = (position: string): string =>
  `not exists (select from projecting.checkpoints c where c.position < ${position})
     and not exists (select from projecting.rebuilds where state in ('loading', 'catching-up'))`;
