import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import { type AccessRecords, openAccessRecords } from '#access/access-records';
import type { EventLog } from '#event-log/port';
import { roleNames } from '#platform/database/roles/roles';
import { clockCheck } from '#platform/lease/clock-check';
import { type DatabaseClock, startDatabaseClock } from '#platform/lease/database-clock';
import { createMetricsRegistry } from '#platform/metrics';
import { createPhase, type Phase } from '#platform/readiness/phase';
import { createReadiness, type Readiness } from '#platform/readiness/readiness';
import { readCheckpointMarks } from '#projecting/checkpoints/checkpoint-marks';
import { createCheckpointWatch } from '#projecting/checkpoints/checkpoint-watch';
import { createProjectorPool } from '#projecting/projector-pool';
import { createProgress, type Progress } from '#projecting/read-your-writes/progress';
import { installProjections } from '#projecting/versions/install';
import { createProcesses, type Processes } from '#projecting/versions/processes';
import { projections } from '#projections/index';
import { readReactionMarks } from '#reacting/reaction-marks';
import type { Context } from './context';
import { projectorConnections } from './database/connections';
import { openEventLog } from './event-log';
import { type OpenedJobs, openJobs } from './jobs';
import { historyChecks } from './readiness/history';

/** The objects that the parts of one process share, such as the event log and the positions of the read models. */
export interface Runtime extends Context {
  readonly log: EventLog;
  readonly progress: Progress;
  readonly registry: Registry;
  /** Connects as the projector, for the projections and for the commands of operators. */
  readonly projectorPool: Pool;
  /** The access records of work that no request causes. */
  readonly accessRecords: AccessRecords;
  /** The other processes of the product, and the versions of the read models that they know. */
  readonly processes: Processes;
  readonly jobs: OpenedJobs;
  /** The checks of `/readyz`; each part of the process adds its own. */
  readonly readiness: Readiness;
  /** Whether the process is starting, running or stopping. */
  readonly phase: Phase;
  /** The time of the database. It also advances lease time. */
  readonly clock: DatabaseClock;
  close(): Promise<void>;
}

export interface RuntimeOptions {
  /**
   * True for a process of the running product: it creates the tables of new read models, and announces the versions of
   * read models that it knows to the other processes. False for a command of an operator, which may be of another
   * release. True by default.
   */
  readonly serves?: boolean;
}

/**
 * Opens the shared services of a process.
 * @throws CannotStart EVENTSTORE_URL is not valid, or the database is not available for 30 s
 */
export const openRuntime = async (context: Context, { serves = true }: RuntimeOptions = {}): Promise<Runtime> => {
  const { databaseUrls, settings, logger, waitForDatabase } = context;
  const projectorPool = createProjectorPool({
    url: databaseUrls.projector,
    max: projectorConnections(settings),
    onError: (error) => logger.warn({ err: error }, 'a connection of the projector was lost'),
  });
  if (serves) {
    const roles = roleNames(settings.databaseRolePrefix);
    await waitForDatabase(() => installProjections(projectorPool, projections, roles));
  }
  const log = await openEventLog(context);
  const accessRecords = openAccessRecords(log, { pool: projectorPool });
  const registry = createMetricsRegistry();
  const jobs = openJobs(context, registry, projectorPool);
  const readiness = createReadiness({ logger, registry });
  const phase = createPhase();
  readiness.add(phase.check);
  const clock = await waitForDatabase(() => startDatabaseClock({ pool: projectorPool, logger, registry }));
  readiness.add(clockCheck(clock));
  const closing = new AbortController();
  void readiness.watch(closing.signal);
  const progress = createProgress();
  const checkpoints = createCheckpointWatch({
    log,
    progress,
    projections: () => readCheckpointMarks(projectorPool),
    reactions: () => readReactionMarks(projectorPool),
  });
  readiness.add(...historyChecks(checkpoints, log));
  void checkpoints.watch(closing.signal);
  const processes = createProcesses({
    pool: projectorPool,
    projections,
    role: settings.role,
    logger,
    deadAfterMs: settings.rollbackWaitSeconds * 1_000,
  });
  const running = serves ? processes.run(closing.signal) : undefined;
  return {
    ...context,
    log,
    progress,
    registry,
    projectorPool,
    accessRecords,
    processes,
    jobs,
    readiness,
    phase,
    clock,
    close: async () => {
      closing.abort();
      await running;
      await jobs.close();
      await clock.stop();
      await log.close();
      await projectorPool.end();
    },
  };
};
