import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import { createJobs } from '#platform/jobs/create-jobs';
import { createPostgresTransport } from '#platform/jobs/postgres';
import { createRedisTransport } from '#platform/jobs/redis';
import type { Context } from './context';
import { JOB_CONNECTIONS } from './database/connections';

/** Jobs in Redis if `REDIS_URL` is set, otherwise in PostgreSQL. Connections are opened on first use. */
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
