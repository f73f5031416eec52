import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import { readParkedEvents, readReactions } from '#reacting/operator-queries';
import { forgetParked, retryParked } from '#reacting/parking';
import type { RecordAction } from './operator-session';
import { tenantOfPartition } from './partition-tenant';
import { table } from './table';
import { UsageError } from './usage';

/** Lists the position and lag of each reaction, the number of events that it has set aside, and the parked events. */
export const listReactions = async (pool: Pool, log: EventLog): Promise<string> => {
  const head = await log.head();
  const rows = await readReactions(pool);
  const reactions = table(
    ['reaction', 'position', 'behind', 'set aside', 'moved'],
    rows.map(({ reaction, position, waiting, moved }) => {
      const behind = head - BigInt(position);
      return [reaction, position, behind >= 0n ? behind : `${-behind} ahead of the log`, waiting, moved.toISOString()];
    }),
  );
  return `${reactions}\n\n${await listParkedEvents(pool)}`;
};

const listParkedEvents = async (pool: Pool): Promise<string> => {
  const rows = await readParkedEvents(pool);
  if (rows.length === 0) return 'nothing is parked';
  return table(
    ['reaction', 'event', 'partition', 'type', 'attempts', 'reason'],
    rows.map((it) => [it.reaction, it.event_id, it.partition, it.event_type, it.attempts, it.error]),
  );
};

/** Requests that a running worker processes a parked event again, or skips the event. */
export const settleParkedEvent = async (
  pool: Pool,
  log: EventLog,
  [reaction, eventId]: readonly (string | undefined)[],
  skip: boolean,
  record: RecordAction,
): Promise<string> => {
  if (!reaction || !eventId) throw new UsageError('name the reaction and the event; `tenantry reactions` lists them');
  const parked = (await readParkedEvents(pool)).find((it) => it.reaction === reaction && it.event_id === eventId);
  const tenantId = parked ? await tenantOfPartition(log, parked.partition) : null;
  await record(skip ? 'reactions.skip' : 'reactions.retry', `${reaction} ${eventId}`, tenantId);
  const known = await (skip ? forgetParked : retryParked)(pool, reaction, eventId);
  if (!known) throw new UsageError(`${eventId} is not parked in ${reaction}`);
  return skip
    ? `${eventId} is skipped: ${reaction} will never process it`
    : `a worker will process ${eventId} again within seconds`;
};
