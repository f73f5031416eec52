import type { Pool } from 'pg';
import type { Registry } from 'prom-client';
import type { EventLog } from '../libs/event-log/port';
import { roleNames } from '../libs/platform/database/roles';
import { createMetricsRegistry } from '../libs/platform/metrics';
import { createPhase, type Phase } from '../libs/platform/readiness/phase';
import { createReadiness, type Readiness } from '../libs/platform/readiness/readiness';
import { installProjections } from '../libs/projecting/install';
import { createProcesses, type Processes } from '../libs/projecting/processes';
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
  /** The other processes of the product, and the versions of the read models that they know. */
  readonly processes: Processes;
  readonly jobs: OpenedJobs;
  /** What `/readyz` answers for; each part of the process adds what it needs. */
  readonly readiness: Readiness;
  /** Whether the process has started, and whether it stops. */
  readonly phase: Phase;
  close(): Promise<void>;
}

/** Connections beside the one that each projection writes with: rebuilds (three), checkpoints, metrics. */
const SPARE = 5;

export interface RuntimeOptions {
  /**
   * Whether this is a process of the running product: it makes tables of read models that are new, and tells the others
   * which versions it knows. A command of an operator, which may be of another release, does neither. True unless given.
   */
  readonly serves?: boolean;
}

export const openRuntime = async (context: Context, { serves = true }: RuntimeOptions = {}): Promise<Runtime> => {
  const { databaseUrls, settings, logger } = context;
  const projectorPool = createProjectorPool({
    url: databaseUrls.projector,
    max: projections.length + SPARE,
    onError: (error) => logger.warn({ err: error }, 'a connection of the projector was lost'),
  });
  if (serves) await installProjections(projectorPool, projections, roleNames(settings.databaseRolePrefix));
  const log = await openEventLog(context);
  const registry = createMetricsRegistry();
  const jobs = openJobs(context, registry);
  const readiness = createReadiness({ logger, registry });
  const phase = createPhase();
  readiness.add(phase.check);
  const closing = new AbortController();
  void readiness.watch(closing.signal);
  const processes = createProcesses({ pool: projectorPool, projections, role: settings.role, logger });
  const running = serves ? processes.run(closing.signal) : undefined;
  return {
    ...context,
    log,
    progress: createProgress(),
    registry,
    projectorPool,
    processes,
    jobs,
    readiness,
    phase,
    close: async () => {
      closing.abort();
      await running;
      await jobs.close();
      await log.close();
      await projectorPool.end();
    },
  };
};
