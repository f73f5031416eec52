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
  /** Of `createProjectorPool`; one connection a projection, and eight more. */
  readonly pool: Pool;
  readonly roles: Readonly<Record<string, string>>;
  readonly progress: Progress;
  readonly logger: Logger;
  readonly metrics: ProjectionMetrics;
  /** Of this process, where something else runs it; one that the engine runs by default. */
  readonly processes?: Processes;
  /** Notifies other processes that checkpoints moved. */
  readonly wake?: Notifications;
}

/** Runs every projection, and the rebuilds that are asked for, until it is stopped. */
export const startEngine = (options: EngineOptions): { stop(): Promise<void> } => {
  const { projections, log, pool, roles, progress, logger, metrics, wake } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  // Each projection of a worker that stands by waits on the signal. Node would warn of a leak at the eleventh.
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
