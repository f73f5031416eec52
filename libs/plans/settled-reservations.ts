import type { Pool } from 'pg';
import type { EventLog, Position } from '#event-log/port';
import { readPosition } from '#projecting/checkpoints/checkpoint-queries';
import type { HeldReservation } from './reservations';

/** How far the read model is that counts what is in use. */
export type CountedUpTo = () => Promise<Position>;

/** @param pool connects as any role that may read checkpoints */
export const countedUpTo = (pool: Pool): Promise<Position> => readPosition(pool, 'plan-limits');

const AGGREGATES = { projects: 'project', tasks: 'task' } as const;

/** Where the command that reserved has written; undefined: it came to nothing. */
const usedAt = async (
  log: EventLog,
  { tenantId, resource, unitId, commandId }: HeldReservation,
): Promise<Position | undefined> => {
  const events = await log.readStream({ tenantId, aggregate: AGGREGATES[resource], id: unitId });
  return events.findLast((event) => event.commandId === commandId)?.position;
};

/**
 * Of reservations those that can be forgotten: what it was used for is counted by now, and may be archived by now; or its time
 * is over, and nothing was written. One whose event the read model has not seen yet continues counting, however long that takes.
 */
export const settledReservations = async (
  log: EventLog,
  held: readonly HeldReservation[],
  countedUpTo: CountedUpTo,
): Promise<HeldReservation[]> => {
  const settled: HeldReservation[] = [];
  for (const reservation of held) {
    const position = await usedAt(log, reservation);
    const isOver = position === undefined ? reservation.overdue : position <= (await countedUpTo());
    if (isOver) settled.push(reservation);
  }
  return settled;
};
