import { Client } from 'pg';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import { type ContractFixture, eventLogContract } from '../contract/contract.suite';
import type { Upcasters } from '../upcasting';
import { createPostgresEventLog } from './postgres-event-log';

/** Ends every connection to the database except the one that sends this statement. */
const terminate = async (database: TestDatabase): Promise<void> => {
  const client = new Client({ connectionString: database.urls.owner });
  await client.connect();
  await client.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()`,
    [database.name],
  );
  await client.end();
};

const open = async (): Promise<ContractFixture> => {
  const database = await createTestDatabase();
  const openLog = (options: { upcasters?: Upcasters } = {}) =>
    createPostgresEventLog({ connectionString: database.urls.log, pollMs: 100, ...options });
  const log = openLog();
  const others: ReturnType<typeof openLog>[] = [];
  return {
    log,
    reopen: async (options) => {
      const other = openLog(options);
      others.push(other);
      return other;
    },
    breakConnections: () => terminate(database),
    close: async () => {
      await Promise.all([log, ...others].map((each) => each.close()));
      await database.drop();
    },
  };
};

eventLogContract('PostgreSQL', open);
