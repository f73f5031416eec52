import { setMaxListeners } from 'node:events';
import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import type { Notifications } from '#platform/database/connections/notifications';
import type { Logger } from '#platform/logging/logger.port';
import { runLive } from './fold/live';
import type { ProjectionMetrics } from './metrics';
import { runRetries } from './parking/parked-retry';
import type { Projection } from './projection';
import type { Progress } from './read-your-writes/progress';
import { runRebuilds } from './rebuild/rebuild-queue';
import { createProcesses, type Processes } from './versions/processes';
import { watchVersions } from './versions/wanted-versions';

export interface EngineOptions {
  readonly projections: readonly Projection[];
  readonly log: EventLog;
  /** Made by `createProjectorPool`, with one connection for each projection and eight more. */
  readonly pool: Pool;
  readonly roles: Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly logger: Logger;
  readonly metrics: ProjectionMetrics;
  /** The processes that the caller already watches. By default the engine makes its own list and runs it. */
  readonly processes?: Processes;
  /** Notifies other processes that a checkpoint has moved. */
  readonly wake?: Notifications;
}

/**
 * Runs every projection and all requested rebuilds until it is stopped. `stop` resolves when all of them have ended; it
 * never rejects.
 */
export const startEngine = (options: EngineOptions): { stop(): Promise<void> } => {
  const { projections, log, pool, roles, progress, logger, metrics, wake } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  // Each projection that waits listens to the signal. Node would report a leak at the eleventh listener.
  setMaxListeners(Number.POSITIVE_INFINITY, signal);
  const processes = options.processes ?? createProcesses({ pool, projections, role: 'worker', logger });
  const running = [
    ...projections.map((projection) =>
      runLive(projection, {
        log,
        pool,
        progress,
        logger,
        signal,
        onMoved: (name, { position }, events) => {
          metrics.moved(name, position, events);
          wake?.notify();
        },
      }),
    ),
    runRebuilds(projections, { log, pool, roles, logger, signal }),
    runRetries(projections, { log, pool, logger, signal }),
    watchVersions({ pool, projections, processes, logger }, signal),
    ...(options.processes ? [] : [processes.run(signal)]),
    metrics.watch(signal),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await Promise.allSettled(running);
    },
  };
};
