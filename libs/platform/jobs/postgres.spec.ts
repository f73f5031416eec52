import { Client } from 'pg';
import { createTestDatabase } from '#testing/database';
import { type JobsFixture, jobsContract } from './contract/contract.suite';
import { createPostgresTransport } from './postgres';

const asOwner = async (url: string, sql: string): Promise<Record<string, unknown>[]> => {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
};

const start = async (): Promise<JobsFixture> => {
  const database = await createTestDatabase();
  return {
    url: database.urls.jobs,
    schedulesUrl: database.urls.projector,
    cut: async () => {
      await asOwner(
        database.urls.owner,
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
      );
    },
    close: () => database.drop(),
  };
};

jest.setTimeout(60_000);
jobsContract('PostgreSQL', start);

it('locks and marks of a process with a fast clock are corrected', async () => {
  const database = await createTestDatabase();
  const transport = createPostgresTransport({ url: database.urls.jobs, max: 2, onError: () => undefined });
  const queue = transport.queue('letters', {});
  await queue.add('letter', {}, { jobId: 'one', deduplication: { id: 'one' } });
  await asOwner(
    database.urls.owner,
    `update bullmq.job set state = 'active', lock_token = 'dead', locked_until_ms = 4102444800000;
     insert into bullmq.meta (queue, field, value) values ('letters', 'stalled-check', '4102444800000'),
       ('letters', 'version', '1') on conflict do nothing`,
  );
  await transport.heal?.();
  const [job] = await asOwner(
    database.urls.owner,
    'select locked_until_ms < 4102444800000 as past from bullmq.job where lock_token is not null',
  );
  expect(job).toEqual({ past: true });
  const marks = await asOwner(database.urls.owner, `select 1 from bullmq.meta where field = 'stalled-check'`);
  expect(marks).toEqual([]);
  await queue.close();
  await transport.close();
  await database.drop();
});
