import { roleNames } from '../../libs/platform/database/roles';
import { createWake } from '../../libs/platform/database/wake';
import { startEngine } from '../../libs/projecting/engine';
import { createProjectionMetrics } from '../../libs/projecting/metrics';
import { projections } from '../../projections';
import type { Part } from '../context';
import type { Runtime } from '../runtime';
import { startSweepers } from './sweepers';

/** The background work of one process: projections and rebuilds. Any number of processes may run it. */
export const startWorker = async (runtime: Runtime): Promise<Part> => {
  const { log, projectorPool: pool, progress, registry, logger, settings, databaseUrls } = runtime;
  const wake = createWake({ channel: 'projecting', connectionString: databaseUrls.projector, pool });
  const engine = startEngine({
    projections,
    log,
    pool,
    roles: roleNames(settings.databaseRolePrefix),
    progress,
    logger,
    metrics: createProjectionMetrics({ registry, log, pool }),
    // One process needs no telling.
    ...(settings.role === 'worker' && { wake }),
  });
  const sweepers = startSweepers(runtime);
  return {
    stop: async () => {
      await sweepers.stop();
      await engine.stop();
      await wake.close();
    },
  };
};
