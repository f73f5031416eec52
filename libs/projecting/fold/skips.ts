import type { Pool, PoolClient } from 'pg';
import type { RecordedEvent } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { type Projection, partitionOf } from '../projection';
import { reasonOf } from './fold';

/**
 * The projection without the events that operators have skipped in it. The list is read once, when a fold starts:
 * skipping another event raises the epoch, so that the live fold starts again.
 */
export const withoutSkipped = async (pool: Pool, projection: Projection): Promise<Projection> => {
  const skipped = new Map<string, Set<string>>();
  await withClient(pool, async (client) => {
    const { rows } = await client.query<{ partition: string; event_id: string }>({
      name: 'read-skipped-events',
      text: 'select partition, event_id from projecting.skipped where projection = $1',
      values: [projection.name],
    });
    for (const { partition, event_id } of rows)
      skipped.set(partition, (skipped.get(partition) ?? new Set()).add(event_id));
  });
  if (skipped.size === 0) return projection;
  return {
    ...projection,
    handle: (event, rows) => {
      // The partition is compared first, because the id of an event is a hash that is computed when it is read.
      if (skipped.get(partitionOf(event))?.has(event.id)) return;
      projection.handle(event, rows);
    },
  };
};

/** Stores that an operator has skipped an event. Storing it again changes nothing. */
export const recordSkip = async (
  client: PoolClient,
  projection: string,
  event: RecordedEvent,
  { error, by }: { readonly error: string; readonly by: string },
): Promise<void> => {
  await client.query(
    `insert into projecting.skipped (projection, event_id, partition, event_type, position, error, skipped_by)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (projection, event_id) do nothing`,
    [projection, event.id, partitionOf(event), event.type, event.position.toString(), reasonOf(error), by],
  );
};
