import { Client } from 'pg';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { withClient } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { advance, advanceOf, readCheckpoint } from '#projecting/checkpoints/checkpoint';
import { foldEvents } from '#projecting/fold/fold';
import { RowBuffer } from '#projecting/rows/row-buffer';
import type { Rewrite } from './checkpoint';
import { faultyPool } from './faulty-pool';
import type { NotesWorld } from './notes';

const asOwner = async (world: NotesWorld, sql: string): Promise<void> => {
  const client = new Client({ connectionString: world.database.urls.owner });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
};

/**
 * A worker reads and folds a page, the log loses the last event of the page, and then the worker writes. The checkpoint
 * does not change meanwhile, so that only the mark can reveal the loss.
 * @returns the error in the read model; undefined if there is none
 */
export const writeOfLostEvents = async (world: NotesWorld, rewrite?: Rewrite): Promise<string | undefined> => {
  await world.reset();
  const { pool, projection } = world;
  const log = createPostgresEventLog({ connectionString: world.database.urls.log });
  try {
    const { logId } = await log.identity();
    const id = uuidv7();
    for (const text of ['kept', 'lost']) {
      await log.append({
        stream: { tenantId: id, aggregate: 'note', id },
        expected: 'any',
        events: [{ type: 'NoteWritten', data: { text } }],
        commandId: uuidv7(),
        actor: { kind: 'system' },
        correlationId: 'race',
      });
    }
    const from = await readCheckpoint(pool, projection.name);
    const { events, position, last } = await log.readAll({ after: 0n, limit: 1_000 });
    if (!from || !last) throw new Error('the log holds nothing to fold');
    const buffer = new RowBuffer(projection.tables);
    foldEvents(projection, events, new Set(), buffer);
    const statement = advanceOf(projection, {
      ...{ to: position, mark: { ...last, logId }, folded: buffer.folded, parked: [] },
    });
    await asOwner(world, `delete from event_log.events where data->>'text' = 'lost'`);
    const workerPool = rewrite ? faultyPool(pool, () => 'none', rewrite) : pool;
    await withClient(workerPool, (client) => advance(client, from, statement));
    const kept = await log.readAll({ after: 0n, limit: 1_000 });
    const mismatch = await world.findMismatch(kept.events);
    return mismatch && `the read model has an event that the log has lost: ${mismatch}`;
  } finally {
    await log.close();
    await asOwner(world, 'delete from event_log.events');
  }
};
