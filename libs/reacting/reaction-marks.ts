import type { Pool } from 'pg';
import { type NamedCheckpoint, parseMark } from '#event-log/mark';
import { withClient } from '#platform/database/connections/pools';

/** The checkpoint of every reaction (its position in the log, and the mark of the event there), ordered by name. */
export const readReactionMarks = (pool: Pool): Promise<NamedCheckpoint[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ name: string; position: string; mark: string | null }>({
      name: 'read-reaction-marks',
      text: 'select reaction as name, position, mark::text from reacting.checkpoints order by reaction',
    });
    return rows.map(({ name, position, mark }) => ({
      name,
      position: BigInt(position),
      mark: mark === null ? undefined : parseMark(mark),
    }));
  });
