import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { AppendOutcomeUnknown, LogUnavailable } from '#event-log/port';
import { failpoint } from '#platform/failpoints';
import type { Reservation } from './limit-guard.port';

/**
 * Executes a command that uses a reservation, and releases the reservation if the command appended nothing. After an
 * append whose outcome is unknown the reservation stays, because it may have been used; when it is overdue, the log
 * shows whether it was.
 * @throws LogUnavailable the reservation has expired @throws the error of `work`
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
