import type { Pool } from 'pg';
import type { EventLog, RecordedEvent } from '#event-log/port';
import type { StreamId } from '#event-log/stream-id';
import { withClient } from '#platform/database/connections/pools';

/** A stored reference to an event that was parked or set aside. */
export interface EventReference {
  readonly eventId: string;
  /**
   * The id of the tenant, or of the user outside tenants. Events of different partitions are answered at the same time.
   */
  readonly partition: string;
  readonly stream: StreamId;
  readonly version: number;
}

const REFERENCE_COLUMNS = `event_id as "eventId", partition as partition, version, json_build_object('tenantId',
  case when not outside then partition end, 'aggregate', aggregate, 'id', aggregate_id) as stream`;

const readReferences = (
  pool: Pool,
  name: string,
  text: string,
  values: readonly unknown[],
): Promise<EventReference[]> =>
  withClient(pool, async (client) => (await client.query<EventReference>({ name, text, values: [...values] })).rows);

/** The first parked events of a reaction that an operator wants to be tried again, in the order of the log. */
export const readRequestedRetries = (pool: Pool, reaction: string, limit: number): Promise<EventReference[]> =>
  readReferences(
    pool,
    'reacting-requested-retries',
    `select ${REFERENCE_COLUMNS} from reacting.parked where reaction = $1 and retry order by position limit $2`,
    [reaction, limit],
  );

/** The first events of a partition that were set aside, in the order of the log. */
export const readWaitingEvents = (
  pool: Pool,
  reaction: string,
  partition: string,
  limit: number,
): Promise<EventReference[]> =>
  readReferences(
    pool,
    'reacting-waiting',
    `select ${REFERENCE_COLUMNS} from reacting.parked where reaction = $1 and partition = $2 and waiting order by position limit $3`,
    [reaction, partition, limit],
  );

/** The partitions with events that are set aside. */
export const readWaitingPartitions = (pool: Pool, reaction: string): Promise<string[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ partition: string }>(
      'select distinct partition as partition from reacting.parked where reaction = $1 and waiting',
      [reaction],
    );
    return rows.map(({ partition }) => partition);
  });

/**
 * Reads a parked or waiting event from the log. It is undefined if the event was deleted with its tenant, or if the log
 * was replaced by an older copy and now has another event in its place.
 * @throws LogUnavailable
 */
export const findEvent = async (
  log: Pick<EventLog, 'readStream'>,
  { eventId, stream, version }: EventReference,
): Promise<RecordedEvent | undefined> => {
  const [event] = await log.readStream(stream, { afterVersion: version - 1, limit: 1 });
  return event?.id === eventId ? event : undefined;
};

/** Requests, for an operator, that workers try a parked event again. @returns false if it is not parked */
export const retryParked = (pool: Pool, reaction: string, eventId: string): Promise<boolean> =>
  changed(
    pool,
    'update reacting.parked set retry = true where reaction = $1 and event_id = $2 and not waiting',
    reaction,
    eventId,
  );

/** Deletes, for an operator, a parked event, so that it is never answered. @returns false if it is not parked */
export const forgetParked = (pool: Pool, reaction: string, eventId: string): Promise<boolean> =>
  changed(pool, 'delete from reacting.parked where reaction = $1 and event_id = $2 and not waiting', reaction, eventId);

const changed = async (pool: Pool, text: string, ...values: string[]): Promise<boolean> => {
  const { rowCount } = await withClient(pool, (client) => client.query(text, values));
  return rowCount === 1;
};
