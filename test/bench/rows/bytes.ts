import { Client } from 'pg';
import { createTestDatabase } from '#testing/database';
import type { Group, Measured } from '../group';
import { openLog } from '../product';
import { shown } from '../statistics';
import { appendTask, tenantId } from '../tasks/events';

export interface Relation {
  readonly name: string;
  readonly bytes: number;
}

/** The sizes of the log's table (with TOAST) and of each index, the largest first. */
export const relationsOfLog = async (ownerUrl: string): Promise<Relation[]> => {
  const client = new Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; bytes: string }>(
      `select 'heap' as name, pg_table_size('event_log.events') as bytes
       union all
       select indexrelid::regclass::text, pg_total_relation_size(indexrelid)
       from pg_index where indrelid = 'event_log.events'::regclass
       order by bytes desc`,
    );
    return rows.map(({ name, bytes }) => ({ name: name.replace('event_log.', ''), bytes: Number(bytes) }));
  } finally {
    await client.end();
  }
};

export const perEvent = (relations: readonly Relation[], events: number): number =>
  relations.reduce((sum, { bytes }) => sum + bytes, 0) / events;

export const breakdown = (relations: readonly Relation[], events: number): string =>
  relations.map(({ name, bytes }) => `${name} ${shown(bytes / events)}`).join(', ');

/** The bytes on disk for each event, appended through the event log with the metadata of a real request. */
export const size: Group = {
  ids: ['event.bytes'],
  measure: async (): Promise<Measured[]> => {
    // Also in a short run: with 20,000 events, half-filled pages of the indexes add 8 bytes to each event.
    const events = 100_000;
    const database = await createTestDatabase();
    const log = openLog(database);
    let left = events;
    const write = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        await log.append(appendTask(tenantId(left % 1_000)));
      }
    };
    await Promise.all(Array.from({ length: 256 }, write));
    await log.close();
    const relations = await relationsOfLog(database.urls.owner);
    await database.drop();
    return [{ id: 'event.bytes', samples: [perEvent(relations, events)], detail: breakdown(relations, events) }];
  },
};
