import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import type { Reservation } from './limit-guard.port';
import type { Reservations } from './reservations';

/** ms for which reservations are collected, to be deleted in one statement. */
const COLLECT_MS = 20;
/** Maximum ms to wait until the read model counts a used reservation; the sweeper deletes it if that takes longer. */
const COUNT_MS = 10_000;

export interface ReservationSettlerDeps {
  readonly reservations: Pick<Reservations, 'settle'>;
  readonly waiter: PositionWaiter;
}

/**
 * Deletes the reservations of this process, many in one statement: unused ones at once, and used ones when the read
 * model counts the events that used them. The sweeper deletes those of killed processes.
 */
export const createReservationSettler = ({ reservations, waiter }: ReservationSettlerDeps) => {
  let collected: { tenantId: string; commandId: string }[] = [];
  let flushing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, COLLECT_MS));
    flushing = undefined;
    const batch = collected;
    collected = [];
    // If the database is not available, the sweeper deletes them later.
    await reservations.settle(batch).catch(() => undefined);
  };

  const settle = (tenantId: string, commandId: string): Promise<void> => {
    collected.push({ tenantId, commandId });
    flushing ??= flush();
    return flushing;
  };

  return {
    /**
     * The handle of a reservation that was made.
     * @param until the value of `performance.now()` after which it has expired
     */
    reservation: (tenantId: string, commandId: string, until: number): Reservation => ({
      isUsable: () => performance.now() < until,
      used: (position) => {
        void waiter.waitFor(position, COUNT_MS).then((counted) => {
          if (counted) void settle(tenantId, commandId);
        });
      },
      release: () => settle(tenantId, commandId),
    }),
  };
};

export type ReservationSettler = ReturnType<typeof createReservationSettler>;
