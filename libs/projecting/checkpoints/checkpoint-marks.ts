import type { Pool } from 'pg';
import { type NamedCheckpoint, parseMark } from '#event-log/mark';
import { withClient } from '#platform/database/connections/pools';

/** The checkpoint of every projection (its position in the log, and the mark of the event there), ordered by name. */
export const readCheckpointMarks = (pool: Pool): Promise<NamedCheckpoint[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ name: string; position: string; mark: string | null }>({
      name: 'read-checkpoint-marks',
      text: 'select projection as name, position, mark::text from projecting.checkpoints order by projection',
    });
    return rows.map(({ name, position, mark }) => ({
      name,
      position: BigInt(position),
      mark: mark === null ? undefined : parseMark(mark),
    }));
  });
