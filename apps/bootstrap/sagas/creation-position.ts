import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import type { Position } from '#event-log/port';

/**
 * The position of the event that created a stream, also where an earlier attempt at the command appended it.
 * @throws Error the command appended no event, so its rule does not create the stream
 */
export const creationPosition = ({ position }: CommandResult): Position => {
  if (position === undefined) throw new Error('the command must create a stream, but its rule decided on no event');
  return position;
};
