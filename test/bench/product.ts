import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import { createPostgresEventLog } from '#event-log/postgres/postgres-event-log';
import { roleNames } from '#platform/database/roles/roles';
import { createProjectorPool } from '#projecting/projector-pool';
import { installProjections } from '#projecting/versions/install';
import { createTestDatabase, type TestDatabase } from '#testing/database';
import type { Contender } from './load';
import { appendTask, tenantId } from './tasks/events';
import { tasksProjection } from './tasks/projection';

export const openLog = (database: Pick<TestDatabase, 'urls'>): EventLog =>
  createPostgresEventLog({ connectionString: database.urls.log });

/** The pool of the projector, as `apps/bootstrap/runtime.ts` opens it. */
export const openProjectorPool = (urls: Pick<TestDatabase['urls'], 'projector'>): Pool =>
  createProjectorPool({ url: urls.projector, max: 6 });

/** A migrated database with the read model of the benchmark. */
export const createProductDatabase = async (): Promise<TestDatabase> => {
  const database = await createTestDatabase();
  const pool = openProjectorPool(database.urls);
  try {
    await installProjections(pool, [tasksProjection], roleNames(database.rolePrefix));
  } finally {
    await pool.end();
  }
  return database;
};

/** Appends of one event to a new stream of a random tenant. */
export const productAppends = (database: TestDatabase, tenants = 1_000): Contender => ({
  open: async () => {
    const log = openLog(database);
    return {
      operation: () => log.append(appendTask(tenantId(Math.floor(Math.random() * tenants)))),
      close: () => log.close(),
    };
  },
});
