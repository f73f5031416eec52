import type { Pool } from 'pg';
import type { Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';

/**
 * The position that a projection has reached in the log; 0 if it is not installed.
 * @param pool connects as any role that may read checkpoints
 */
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

/** True if the partition is parked in the projection. @param pool connects as the projector */
export const isPartitionParked = async (pool: Pool, projection: string, partition: string): Promise<boolean> => {
  const { rowCount } = await withClient(pool, (client) =>
    client.query('select from projecting.parked where projection = $1 and partition = $2', [projection, partition]),
  );
  return rowCount !== 0;
};

/**
 * An SQL condition: every read model has reached the position, and no rebuild that may have read older events is in
 * progress.
 * @param position an SQL expression
 */
export const allHaveReached = (position: string): string =>
  `not exists (select from projecting.checkpoints c where c.position < ${position})
     and not exists (select from projecting.rebuilds where state in ('loading', 'catching-up'))`;
