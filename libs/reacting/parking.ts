import type { Pool } from 'pg';
import type { EventLog, RecordedEvent } from '../event-log/port';
import type { StreamId } from '../event-log/stream-id';
import { withClient } from '../platform/database/pools';

/** Where a parked event stands. */
interface Place {
  readonly eventId: string;
  readonly stream: StreamId;
  readonly version: number;
}

/** The first parked event of a reaction that an operator asked another attempt for. */
export const askedForAgain = (pool: Pool, reaction: string): Promise<Place | undefined> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<Place>({
      name: 'reacting-asked-again',
      text: `select event_id as "eventId", version, json_build_object('tenantId', case when not outside then lane end,
          'aggregate', aggregate, 'id', aggregate_id) as stream
        from reacting.parked where reaction = $1 and retry order by position limit 1`,
      values: [reaction],
    });
    return rows[0];
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
  changed(pool, 'update reacting.parked set retry = true where reaction = $1 and event_id = $2', reaction, eventId);

/** What became unnecessary, was done by hand, or was done at last. @returns false where it is not parked */
export const forgetParked = (pool: Pool, reaction: string, eventId: string): Promise<boolean> =>
  changed(pool, 'delete from reacting.parked where reaction = $1 and event_id = $2', reaction, eventId);

const changed = async (pool: Pool, text: string, ...values: string[]): Promise<boolean> => {
  const { rowCount } = await withClient(pool, (client) => client.query(text, values));
  return rowCount === 1;
};
