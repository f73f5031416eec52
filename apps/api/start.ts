import 'reflect-metadata';
import { createPostgresSnapshots } from '#event-log/postgres/snapshots';
import { openSigningKeys } from '#identity/keys/signing-keys';
import { createNotifications } from '#platform/database/connections/notifications';
import { createPool } from '#platform/database/connections/pools';
import { createScopedDb } from '#platform/database/scoped/scoped-db';
import { createProjectionMetrics } from '#projecting/metrics';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import { projections } from '#projections/index';
import type { Part } from '../bootstrap/context';
import { SNAPSHOT_CONNECTIONS } from '../bootstrap/database/connections';
import { databaseSettingsCheck } from '../bootstrap/database/database-settings-check';
import { dependencyChecks, signingKeysCheck } from '../bootstrap/readiness/readiness';
import type { Runtime } from '../bootstrap/runtime';
import { composeApi } from './compose-api';
import { connectSharedCounts } from './http/limits/rate-redis';
import { createMemoryLimiter } from './http/limits/rate-window';
import { listen } from './http/server/listen';

const QUERYABLE = projections.map(({ name }) => name);
/**
 * ms that a request's statement may take. With what the pool adds, less than the 10 s in which a database that was away is
 * to recover: a connection that died without an error is detected by then.
 */
const STATEMENT_MS = 5_000;
/** ms that a statement about a snapshot may take. */
const SNAPSHOT_MS = 2_000;

/** The HTTP process: routes over the event log, the read models and identity. Any number of processes may run it. */
export const startApi = async (runtime: Runtime): Promise<Part> => {
  const { settings, logger, secretKey, databaseUrls, databaseRoutes, log, progress, registry, jobs, readiness } =
    runtime;
  const pool = createPool({
    ...databaseRoutes.app,
    max: settings.databasePoolSize,
    applicationName: 'tenantry-api',
    pipeline: true,
    statementTimeoutMs: Math.min(settings.requestTimeoutMs, STATEMENT_MS),
    onError: (error) => logger.warn({ err: error }, 'a connection of the API was lost'),
  });
  const snapshots = createPool({
    ...databaseRoutes.log,
    max: SNAPSHOT_CONNECTIONS,
    applicationName: 'tenantry-snapshots',
    // What a snapshot spares is read from the events instead.
    statementTimeoutMs: SNAPSHOT_MS,
  });
  const keys = await runtime.waitForDatabase(() => openSigningKeys({ pool, secretKey, logger }));
  const wake = createNotifications({ channel: 'projecting', connectionString: databaseUrls.app, pool });
  // Projections that run in this process tell of themselves.
  const elsewhere = settings.role === 'api';
  const stopping = new AbortController();
  if (elsewhere) {
    wake.start();
    // Where no worker is left to tell how far behind the read models are, this does.
    void createProjectionMetrics({ registry, log, pool: runtime.projectorPool }).watch(stopping.signal);
  }
  const waiter = createPositionWaiter({ projections: QUERYABLE, progress, pool, ...(elsewhere && { wake }) });
  const shared = settings.redisUrl ? connectSharedCounts(settings.redisUrl, logger) : undefined;
  const db = createScopedDb(pool);
  readiness.add(
    ...dependencyChecks({ log, pool, projections }),
    signingKeysCheck(keys),
    databaseSettingsCheck({
      db,
      pools: [
        [pool, 'app'],
        [snapshots, 'log'],
        [runtime.projectorPool, 'projector'],
      ],
    }),
  );
  const { app, listensAt, close } = await composeApi({
    ...{ settings, logger, secretKey, pool, db, log, keys, waiter, jobs, readiness, stripe: runtime.stripe },
    projectorPool: runtime.projectorPool,
    snapshots: createPostgresSnapshots(snapshots),
    makeLimiter: shared?.limiter ?? createMemoryLimiter,
    ...(settings.metrics && { registry }),
  });
  const stop = async (): Promise<void> => {
    await close();
    stopping.abort();
    waiter.close();
    keys.close();
    shared?.close();
    await wake.close();
    await Promise.all([pool.end(), snapshots.end()]);
  };
  try {
    await listen(app, settings);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = await app.getUrl();
  listensAt(url);
  return { url, stop };
};
