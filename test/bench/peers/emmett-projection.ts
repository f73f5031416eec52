import { performance } from 'node:perf_hooks';
import { postgreSQLProjection } from '@event-driven-io/emmett-postgresql';
import { Client } from 'pg';
import type { TaskEvent } from '../tasks/events';
import { eventsOf, type Filling } from '../tasks/fill';
import { openEmmett } from './emmett';

/** The read model of the benchmark without row-level security, which Emmett does not support. */
const TABLE = `create table tasks (
  tenant_id uuid, task_id uuid, project_id uuid not null, assignee_id uuid not null, title text not null,
  state text not null, added_at timestamptz not null, version integer not null, primary key (tenant_id, task_id));
  create index on tasks (tenant_id, project_id)`;

/** Fills Emmett's log with one statement, in Emmett's own format. */
export const fillEmmett = async (url: string, filling: Filling): Promise<void> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(TABLE);
  await client.query(`
    insert into emt_messages (stream_position, transaction_id, stream_id, message_schema_version, message_id, message_type,
      message_data, message_metadata)
    select version, pg_current_xact_id(), 'task-' || task_id, '1', command_id, type, data::jsonb,
      jsonb_build_object('tenantId', tenant_id, 'userId', user_id, 'commandId', command_id)
    from ${eventsOf(filling)}`);
  await client.query('vacuum (analyze) emt_messages');
  await client.query('checkpoint');
  await client.end();
};

const PUT = `insert into tasks (tenant_id, task_id, project_id, assignee_id, title, state, added_at, version)
  values ($1, $2, $3, $4, $5, 'open', now(), $6)
  on conflict (tenant_id, task_id) do update set project_id = excluded.project_id, assignee_id = excluded.assignee_id,
    title = excluded.title, state = excluded.state, added_at = excluded.added_at, version = excluded.version`;
const PATCH = 'update tasks set state = $3, version = $4 where tenant_id = $1 and task_id = $2';

interface TaskMetadata {
  readonly tenantId: string;
  readonly streamName: string;
  readonly streamPosition: bigint;
}

/** One prepared statement for each event, in the transaction of the batch: faster than Emmett's raw SQL projection. */
const projection = postgreSQLProjection({
  name: 'tasks',
  canHandle: ['TaskAdded', 'TaskMoved'],
  handle: async (events, { connection: { client } }) => {
    for (const event of events) {
      const { type, data } = event as unknown as TaskEvent;
      const { tenantId, streamName, streamPosition } = event.metadata as unknown as TaskMetadata;
      const key = [tenantId, streamName.slice('task-'.length)];
      const version = Number(streamPosition);
      if (type === 'TaskAdded') {
        const values = [...key, data.projectId, data.assigneeId, data.title, version];
        await client.query({ name: 'put', text: PUT, values });
      } else await client.query({ name: 'patch', text: PATCH, values: [...key, data.state, version] });
    }
  },
});

/** ms that Emmett's consumer always waits after its first page. */
const FIRST_PAUSE_MS = 100;

/** Projected events per second, from the beginning of the log to its end, without the first pause. */
export const emmettProjectsPerSecond = async (url: string, events: number, batchSize: number): Promise<number> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('truncate tasks; delete from emt_processors');
  // As in the product, commits do not wait for the disk: what a crash loses is projected again.
  const { store, close } = openEmmett(`${url}?options=-c%20synchronous_commit%3Doff`, 4);
  try {
    const consumer = store.consumer({
      pulling: { batchSize, pullingFrequencyInMs: 0 },
      stopWhen: { noMessagesLeft: true },
    });
    consumer.projector({ projection, processorId: 'bench', startFrom: 'BEGINNING' });
    const began = performance.now();
    await consumer.start();
    const seconds = (performance.now() - began - FIRST_PAUSE_MS) / 1_000;
    const { rows } = await client.query<{ done: string }>('select sum(version) as done from tasks');
    if (Number(rows[0]?.done) < events / 2) throw new Error(`Emmett projected ${rows[0]?.done} of ${events} events`);
    return events / seconds;
  } finally {
    await close();
    await client.end();
  }
};
