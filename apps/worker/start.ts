import { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { followFacts } from '#event-log/follow-facts';
import { createNotifications } from '#platform/database/connections/notifications';
import { roleNames } from '#platform/database/roles/roles';
import { servesMetrics } from '#platform/metrics';
import { startEngine } from '#projecting/engine';
import { createProjectionMetrics } from '#projecting/metrics';
import { createPositionWaiter } from '#projecting/read-your-writes/position-waiter';
import { projectionsCheck } from '#projecting/readiness';
import { createRebuildMetrics } from '#projecting/rebuild/rebuild-metrics';
import { projections } from '#projections/index';
import { membersProjection } from '#projections/members/projection';
import { startReactions } from '#reacting/engine';
import { createReactionMetrics } from '#reacting/metrics';
import type { Part } from '../bootstrap/context';
import { databaseSettingsCheck } from '../bootstrap/database/database-settings-check';
import { dependencyChecks, jobsCheck } from '../bootstrap/readiness/readiness';
import type { Runtime } from '../bootstrap/runtime';
import { startBilling } from './billing';
import { openWorkerCommands } from './commands';
import { startFacts } from './facts';
import { startProbes } from './probes';
import { createReactions, QUERIED_READ_MODELS } from './reactions';
import { startSweepers } from './sweepers';

/**
 * The background work of one process: projections and rebuilds, reactions, sweepers. Any number of processes may run
 * it.
 */
export const startWorker = async (runtime: Runtime): Promise<Part> => {
  const {
    log,
    projectorPool: pool,
    progress,
    registry,
    logger,
    settings,
    databaseUrls,
    readiness,
    processes,
  } = runtime;
  const store = new AggregateStore({ log });
  const commands = await openWorkerCommands(runtime, store);
  // A worker is ready while read models are outdated, because it rebuilds them itself. In a process that also serves
  // the API, the API adds its own, stricter checks.
  if (settings.role === 'worker')
    readiness.add(
      ...dependencyChecks({ log, pool, projections: [] }),
      databaseSettingsCheck({ pools: [[pool, 'projector']] }),
    );
  readiness.add(projectionsCheck({ log, pool, projections, processes }), jobsCheck(runtime.jobs));
  // In a process that also serves the API, the API answers the probes for the whole process.
  const probes =
    settings.role === 'worker'
      ? await startProbes({
          ...{ host: settings.host, port: settings.workerPort },
          readiness,
          registry: servesMetrics(settings) ? registry : undefined,
          metricsToken: settings.metricsToken,
        })
      : undefined;
  const wake = createNotifications({ channel: 'projecting', connectionString: databaseUrls.projector, pool });
  const engine = startEngine({
    projections,
    log,
    pool,
    roles: roleNames(settings.databaseRolePrefix),
    progress,
    logger,
    metrics: createProjectionMetrics({ registry, log, pool }),
    processes,
    // In a process that also serves the API, the API sees the progress without a notification.
    ...(settings.role === 'worker' && { wake }),
  });
  const stopping = new AbortController();
  void createRebuildMetrics({ registry, pool, logger }).watch(stopping.signal);
  const waiter = createPositionWaiter({ projections: QUERIED_READ_MODELS, progress, pool });
  const erasures = followFacts(log, ['TenantErased'], ({ data }) => store.forgetTenant(String(data['tenantId'])));
  const reactions = startReactions({
    reactions: createReactions({ store, bus: commands.bus, pool, waiter }),
    log,
    pool,
    logger,
    metrics: createReactionMetrics({ registry, log, pool }),
  });
  const memberships = createPositionWaiter({ projections: [membersProjection.name], progress, pool });
  const sweepers = startSweepers(runtime, store, commands.bus, memberships);
  const facts = startFacts(runtime, store);
  const billing = startBilling(runtime, store, commands.bus);
  return {
    ...(probes && { url: probes.url }),
    stop: async () => {
      stopping.abort();
      await Promise.all([sweepers.stop(), facts.stop(), billing.stop(), reactions.stop(), erasures.stop()]);
      waiter.close();
      memberships.close();
      await commands.close();
      await engine.stop();
      await wake.close();
      await probes?.close();
    },
  };
};
