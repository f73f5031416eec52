import type { Pool } from 'pg';
import type { EventLog, Position } from '#event-log/port';
import { readPosition } from '#projecting/checkpoints/checkpoint-queries';
import type { StoredReservation } from './reservations';

/** The checkpoint of the read model that counts what is in use. */
export type CountedUpTo = () => Promise<Position>;

/** @param pool connects as any role that may read checkpoints */
export const countedUpTo = (pool: Pool): Promise<Position> => readPosition(pool, 'plan-limits');

const AGGREGATES = { projects: 'project', tasks: 'task' } as const;

/** The position of the event that used a reservation; undefined: there is none. */
const usePositionOf = async (
  log: EventLog,
  { tenantId, resource, unitId, commandId }: StoredReservation,
): Promise<Position | undefined> => {
  const events = await log.readStream({ tenantId, aggregate: AGGREGATES[resource], id: unitId });
  return events.findLast((event) => event.commandId === commandId)?.position;
};

/**
 * Returns the reservations that no longer have to count: those whose event the read model has processed, and overdue
 * ones without an event. A reservation continues to count until the read model has processed its event, without a time
 * limit.
 */
export const settledReservations = async (
  log: EventLog,
  reservations: readonly StoredReservation[],
  countedUpTo: CountedUpTo,
): Promise<StoredReservation[]> => {
  const settled: StoredReservation[] = [];
  for (const reservation of reservations) {
    const position = await usePositionOf(log, reservation);
    const isSettled = position === undefined ? reservation.overdue : position <= (await countedUpTo());
    if (isSettled) settled.push(reservation);
  }
  return settled;
};
