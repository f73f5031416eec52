import type { Pool } from 'pg';
import type { EventLog } from '../../../libs/event-log/port';
import { withClient } from '../../../libs/platform/database/pools';
import { roleNames } from '../../../libs/platform/database/roles';
import { silentLogger } from '../../../libs/platform/logger.port';
import { requestRebuild } from '../../../libs/projecting/install';
import { rebuild } from '../../../libs/projecting/rebuild';
import { tasksProjection } from './projection';

/** As a worker does it that was asked for it. */
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
