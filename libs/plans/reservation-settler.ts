import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import type { Reservation } from './limit-guard.port';
import type { Reservations } from './reservations';

/** ms within which reservations are forgotten together. */
const GATHER_MS = 20;
/** ms for which the read model may keep a used reservation waiting; the sweeper takes up those that wait longer. */
const PATIENCE_MS = 10_000;

export interface ReservationSettlerDeps {
  readonly reservations: Pick<Reservations, 'settle'>;
  readonly waiter: PositionWaiter;
}

/**
 * Forgets reservations of this process, many in one statement: unused ones at once, used ones when the read model counts
 * what they were used for. What a killed process does not forget, the sweeper does.
 */
export const createReservationSettler = ({ reservations, waiter }: ReservationSettlerDeps) => {
  let gathered: { tenantId: string; commandId: string }[] = [];
  let flushing: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    flushing = undefined;
    const many = gathered;
    gathered = [];
    // Left to the sweeper where the database is not available.
    await reservations.settle(many).catch(() => undefined);
  };

  const settle = (tenantId: string, commandId: string): Promise<void> => {
    gathered.push({ tenantId, commandId });
    flushing ??= flush();
    return flushing;
  };

  return {
    /** @param until what `performance.now()` says when it may no longer be used */
    reservation: (tenantId: string, commandId: string, until: number): Reservation => ({
      isUsable: () => performance.now() < until,
      used: (position) => {
        void waiter.waitFor(position, PATIENCE_MS).then((counted) => {
          if (counted) void settle(tenantId, commandId);
        });
      },
      release: () => settle(tenantId, commandId),
    }),
  };
};

export type ReservationSettler = ReturnType<typeof createReservationSettler>;
