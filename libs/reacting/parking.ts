import type { Pool } from 'pg';
import type { EventLog, RecordedEvent } from '#event-log/port';
import type { StreamId } from '#event-log/stream-id';
import { withClient } from '#platform/database/connections/pools';

/** Where an event that was parked or set aside is to be found. */
export interface Place {
  readonly eventId: string;
  /** The tenant, or the user outside tenants: events of different ones are answered at the same time. */
  readonly partition: string;
  readonly stream: StreamId;
  readonly version: number;
}

const PLACE = `event_id as "eventId", partition as partition, version, json_build_object('tenantId',
  case when not outside then partition end, 'aggregate', aggregate, 'id', aggregate_id) as stream`;

const placesOf = (pool: Pool, name: string, text: string, values: readonly unknown[]): Promise<Place[]> =>
  withClient(pool, async (client) => (await client.query<Place>({ name, text, values: [...values] })).rows);

/** Parked events of a reaction that an operator asked another attempt for, the first ones. */
export const askedForAgain = (pool: Pool, reaction: string, limit: number): Promise<Place[]> =>
  placesOf(
    pool,
    'reacting-asked-again',
    `select ${PLACE} from reacting.parked where reaction = $1 and retry order by position limit $2`,
    [reaction, limit],
  );

/** The first events of a partition that were set aside, in the order of the log. */
export const waitingOf = (pool: Pool, reaction: string, partition: string, limit: number): Promise<Place[]> =>
  placesOf(
    pool,
    'reacting-waiting',
    `select ${PLACE} from reacting.parked where reaction = $1 and partition = $2 and waiting order by position limit $3`,
    [reaction, partition, limit],
  );

/** The partitions of which events are set aside. */
export const waitingPartitions = (pool: Pool, reaction: string): Promise<string[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ partition: string }>(
      'select distinct partition as partition from reacting.parked where reaction = $1 and waiting',
      [reaction],
    );
    return rows.map(({ partition }) => partition);
  });

/** Undefined where the event is gone with its tenant, or the log went back and has another one in its place. */
export const eventAt = async (
  log: Pick<EventLog, 'readStream'>,
  { eventId, stream, version }: Place,
): Promise<RecordedEvent | undefined> => {
  const [event] = await log.readStream(stream, { afterVersion: version - 1, limit: 1 });
  return event?.id === eventId ? event : undefined;
};

/** An operator asks the workers to try a parked event again. @returns false where it is not parked */
export const retryParked = (pool: Pool, reaction: string, eventId: string): Promise<boolean> =>
  changed(
    pool,
    'update reacting.parked set retry = true where reaction = $1 and event_id = $2 and not waiting',
    reaction,
    eventId,
  );

/** An operator leaves a parked event unanswered. @returns false where it is not parked */
export const forgetParked = (pool: Pool, reaction: string, eventId: string): Promise<boolean> =>
  changed(pool, 'delete from reacting.parked where reaction = $1 and event_id = $2 and not waiting', reaction, eventId);

const changed = async (pool: Pool, text: string, ...values: string[]): Promise<boolean> => {
  const { rowCount } = await withClient(pool, (client) => client.query(text, values));
  return rowCount === 1;
};
