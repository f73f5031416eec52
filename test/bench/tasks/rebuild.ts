import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { roleNames } from '#platform/database/roles/roles';
import { silentLogger } from '#platform/logging/logger.port';
import { rebuild } from '#projecting/rebuild/rebuild';
import { requestRebuild } from '#projecting/versions/install';
import { tasksProjection } from './projection';

/** Rebuilds the read model as a worker does after a request. */
export const rebuildTasks = async (log: EventLog, pool: Pool, rolePrefix: string): Promise<void> => {
  const id = await withClient(pool, (client) => requestRebuild(client, tasksProjection.name));
  await rebuild(tasksProjection, id, {
    log,
    pool,
    roles: roleNames(rolePrefix),
    logger: silentLogger,
    signal: new AbortController().signal,
  });
};
