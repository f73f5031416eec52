import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { AppendOutcomeUnknown, LogUnavailable } from '#event-log/port';
import { failpoint } from '#platform/failpoints';
import type { Reservation } from './limit-guard.port';

/**
 * Does what a reservation was taken for, and gives it back where nothing came of it. An append whose outcome is not known
 * keeps it: it may have used it, and whether it did is looked up when its time is over.
 */
export const withReservation = async <State>(
  reservation: Reservation,
  work: () => Promise<CommandResult<State>>,
): Promise<CommandResult<State>> => {
  try {
    failpoint('plans.reserved');
    if (!reservation.isUsable()) throw new LogUnavailable('the reservation expired before it was used');
    const executed = await work();
    failpoint('plans.used');
    if (executed.position === undefined) await reservation.release();
    else reservation.used(executed.position);
    return executed;
  } catch (error) {
    if (!(error instanceof AppendOutcomeUnknown)) await reservation.release();
    throw error;
  }
};
