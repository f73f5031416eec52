import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import { createJobs } from '#platform/jobs/create-jobs';
import { createPostgresTransport } from '#platform/jobs/postgres';
import { createRedisTransport } from '#platform/jobs/redis';
import type { Context } from './context';
import { JOB_CONNECTIONS } from './database/connections';

/** Jobs over Redis where the settings name one, else over PostgreSQL. Opens connections when it is first used. */
export const openJobs = ({ settings, databaseUrls, logger }: Context, registry: Registry, projectorPool: Pool) =>
  createJobs({
    transport: (onError) =>
      settings.redisUrl
        ? createRedisTransport({ url: settings.redisUrl, prefix: 'tenantry-jobs', onError })
        : createPostgresTransport({ url: databaseUrls.jobs, max: JOB_CONNECTIONS, onError }),
    schedules: projectorPool,
    registry,
    logger,
    graceMs: settings.shutdownGraceMs,
  });

export type OpenedJobs = ReturnType<typeof openJobs>;
