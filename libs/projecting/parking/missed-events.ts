import type { EventLog, Page, Position } from '#event-log/port';

/** A partition that has stopped, as far as its events have to be found again. */
export interface ParkedPartition {
  readonly partition: string;
  /** The partition is a stream outside tenants, of this aggregate. */
  readonly outside: boolean;
  readonly aggregate: string;
  /** Of the first event that was not folded. */
  readonly position: Position;
  readonly error: string;
}

/** Events in one read. */
const PAGE = 1_000;

/** A page of the events of a partition, from a position (inclusive) on. @throws LogUnavailable */
export const missedEvents = async (
  log: EventLog,
  { partition, outside, aggregate }: Pick<ParkedPartition, 'partition' | 'outside' | 'aggregate'>,
  types: readonly string[],
  from: Position,
): Promise<Page> => {
  if (!outside) return log.readAll({ after: from - 1n, tenantId: partition, types, limit: PAGE });
  const head = await log.head();
  const events = await log.readStream({ tenantId: null, aggregate, id: partition });
  const missed = events.filter(({ position, type }) => position >= from && types.includes(type));
  return { events: missed, position: head, caughtUp: true };
};
