import { Client } from 'pg';
import { createTestDatabase } from '../../testing/database';
import { type JobsFixture, jobsContract } from './contract.suite';

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
