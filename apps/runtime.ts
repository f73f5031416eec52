import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { EventLog } from '../libs/event-log/port';
import { roleNames } from '../libs/platform/database/roles';
import { createMetricsRegistry } from '../libs/platform/metrics';
import { installProjections } from '../libs/projecting/install';
import { createProgress, type Progress } from '../libs/projecting/progress';
import { createProjectorPool } from '../libs/projecting/projector-pool';
import { projections } from '../projections';
import type { Context } from './context';
import { openEventLog } from './event-log';
import { type OpenedJobs, openJobs } from './jobs';

/** What the parts of one process share: one connection to the log, one view of how far the read models are. */
export interface Runtime extends Context {
  readonly log: EventLog;
  readonly progress: Progress;
  readonly registry: Registry;
  /** Connects as the projector: for the engine, and for operators' commands. */
  readonly projectorPool: Pool;
  readonly jobs: OpenedJobs;
  close(): Promise<void>;
}

/** Connections beside the one that each projection writes with: rebuilds (three), checkpoints, metrics. */
const SPARE = 5;

export const openRuntime = async (context: Context): Promise<Runtime> => {
  const { databaseUrls, settings, logger } = context;
  const projectorPool = createProjectorPool({
    url: databaseUrls.projector,
    max: projections.length + SPARE,
    onError: (error) => logger.warn({ err: error }, 'a connection of the projector was lost'),
  });
  await installProjections(projectorPool, projections, roleNames(settings.databaseRolePrefix));
  const log = await openEventLog(context);
  const registry = createMetricsRegistry();
  const jobs = openJobs(context, registry);
  return {
    ...context,
    log,
    progress: createProgress(),
    registry,
    projectorPool,
    jobs,
    close: async () => {
      await jobs.close();
      await log.close();
      await projectorPool.end();
    },
  };
};
