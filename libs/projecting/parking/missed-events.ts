import type { EventLog, Page, Position } from '#event-log/port';

/** A parked partition, with what is needed to find its events in the log. */
export interface ParkedPartition {
  readonly partition: string;
  /** True if the partition is a stream outside tenants, of `aggregate`. */
  readonly outside: boolean;
  readonly aggregate: string;
  /** The position of the first event that was not folded. */
  readonly position: Position;
  readonly error: string;
}

/** Events in one read. */
const PAGE = 1_000;

/** One page of the events of a partition, at most 1,000, from a position (inclusive) on. @throws LogUnavailable */
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
