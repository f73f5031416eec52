import { servesMetrics } from '#platform/metrics';
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
 * Longest time in ms for a statement of a request. With the time that the pool adds, it is below 10 s, so that a
 * connection that was lost without an error is detected within the time in which the API must recover after a database
 * failure.
 */
const STATEMENT_MS = 5_000;
/** Longest time in ms for a statement about a snapshot. */
const SNAPSHOT_MS = 2_000;

/**
 * Starts the API in this process. Any number of processes may run it.
 * @returns the URL at which it listens, and the function that stops it
 * @throws CannotStart the address cannot be used
 */
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
    // If a statement takes too long, the events are read without a snapshot.
    statementTimeoutMs: SNAPSHOT_MS,
  });
  const keys = await runtime.waitForDatabase(() => openSigningKeys({ pool, secretKey, logger }));
  const wake = createNotifications({ channel: 'projecting', connectionString: databaseUrls.app, pool });
  // Projections in this process report their progress directly.
  const projectsElsewhere = settings.role === 'api';
  const stopping = new AbortController();
  if (projectsElsewhere) {
    wake.start();
    // Exports the lag of the read models from here, too, because all workers may have stopped.
    void createProjectionMetrics({ registry, log, pool: runtime.projectorPool }).watch(stopping.signal);
  }
  const waiter = createPositionWaiter({ projections: QUERYABLE, progress, pool, ...(projectsElsewhere && { wake }) });
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
    ...(servesMetrics(settings) && { registry }),
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
