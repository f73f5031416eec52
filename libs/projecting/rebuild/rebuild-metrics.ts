import type { Pool } from 'pg';
import { Gauge, type Registry } from 'prom-client';
import { withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import { OPEN } from './rebuild-attempt';

export interface RebuildMetricsOptions {
  readonly registry: Registry;
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly logger: Logger;
  /** ms between two updates; 5,000 by default. */
  readonly intervalMs?: number;
}

/** Open rebuilds and their failures, for Prometheus. */
export const createRebuildMetrics = ({ registry, pool, logger, intervalMs = 5_000 }: RebuildMetricsOptions) => {
  const gauge = (name: string, help: string): Gauge<'projection' | 'version'> =>
    new Gauge({ name, help, labelNames: ['projection', 'version'], registers: [registry] });
  const open = gauge(
    'tenantry_rebuild_open',
    '1 while a rebuild to this version is requested, in progress or waiting for its next attempt',
  );
  const failures = gauge('tenantry_rebuild_failures', 'Failed attempts of an open rebuild');
  const events = gauge('tenantry_rebuild_events', 'Events that the present attempt at a rebuild has folded');

  const update = async (): Promise<void> => {
    const { rows } = await withClient(pool, (client) =>
      client.query<{ projection: string; version: number; failures: number; events: string }>(
        `select projection, version, failures, events from projecting.rebuilds where state in ${OPEN}`,
      ),
    );
    for (const it of [open, failures, events]) it.reset();
    for (const { projection, version, ...row } of rows) {
      const labels = { projection, version: String(version) };
      open.set(labels, 1);
      failures.set(labels, row.failures);
      events.set(labels, Number(row.events));
    }
  };

  return {
    /** Updates the metrics once. @throws Error the database is not available */
    update,
    /** Updates the metrics every `intervalMs` until the signal aborts. */
    watch: async (signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        await update().catch((error: unknown) => logger.debug({ err: error }, 'the rebuilds could not be counted'));
        await sleep(intervalMs, signal);
      }
    },
  };
};
