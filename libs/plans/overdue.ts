import type { Pool } from 'pg';
import type { EventLog, Position } from '../event-log/port';
import { withClient } from '../platform/database/pools';
import type { Overdue } from './reservations';

/** How far the read model is that counts what is in use. */
export type CountedUpTo = () => Promise<Position>;

/** @param pool connects as any role that may read checkpoints */
export const countedUpTo = async (pool: Pool): Promise<Position> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ position: string }>({
      name: 'counted-up-to',
      text: `select position::text from projecting.checkpoints where projection = 'plan-limits'`,
    }),
  );
  return BigInt(rows[0]?.position ?? 0);
};

const AGGREGATES = { projects: 'project', tasks: 'task' } as const;

/** Where the command that reserved has written; undefined: it came to nothing. */
const usedAt = async (
  log: EventLog,
  { tenantId, resource, unitId, commandId }: Overdue,
): Promise<Position | undefined> => {
  const events = await log.readStream({ tenantId, aggregate: AGGREGATES[resource], id: unitId });
  return events.findLast((event) => event.commandId === commandId)?.position;
};

/**
 * Of reservations whose time is over those that can be forgotten: whatever reserved was killed before it wrote, or what it
 * wrote is counted by now. One whose event the read model has not seen yet goes on counting, however long that takes.
 */
export const settledOf = async (
  log: EventLog,
  overdue: readonly Overdue[],
  countedUpTo: CountedUpTo,
): Promise<Overdue[]> => {
  const settled: Overdue[] = [];
  for (const reservation of overdue) {
    const position = await usedAt(log, reservation);
    if (position === undefined || position <= (await countedUpTo())) settled.push(reservation);
  }
  return settled;
};
