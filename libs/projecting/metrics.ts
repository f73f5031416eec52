import type { Pool } from 'pg';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { EventLog, Position } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { sleep } from '#platform/loops/backoff';

export interface ProjectionMetricsOptions {
  readonly registry: Registry;
  readonly log: Pick<EventLog, 'head'>;
  readonly pool: Pool;
  /** ms between two reads of the head and the checkpoints; 2,000 by default. */
  readonly intervalMs?: number;
}

/** Prometheus metrics of each projection: its position, and its lag in positions of the log. */
export const createProjectionMetrics = ({ registry, log, pool, intervalMs = 2_000 }: ProjectionMetricsOptions) => {
  const gauge = (name: string, help: string): Gauge<'projection'> =>
    new Gauge({ name, help, labelNames: ['projection'], registers: [registry] });
  const position = gauge('tenantry_projection_position', 'Position of the projection in the log');
  const lag = gauge(
    'tenantry_projection_lag_positions',
    'Positions between the head of the log and the projection; below 0: it is ahead of the log',
  );
  const idle = gauge('tenantry_projection_behind_seconds', 'Seconds since a projection with a lag last advanced');
  const parked = gauge('tenantry_projection_parked_partitions', 'Parked partitions');
  const waiting = gauge('tenantry_projection_waiting_partitions', 'Parked partitions that wait for a newer release');
  const events = new Counter({
    name: 'tenantry_projection_events_total',
    help: 'Events that this process has projected',
    labelNames: ['projection'],
    registers: [registry],
  });

  const update = async (): Promise<void> => {
    const head = await log.head();
    const { rows } = await withClient(pool, (client) =>
      client.query<{ projection: string; position: string; idle: number; parked: number; waiting: number }>(
        `select c.projection, c.position, extract(epoch from now() - c.moved_at)::float8 as idle,
           (select count(*)::integer from projecting.parked p where p.projection = c.projection) as parked,
           (select count(*)::integer from projecting.parked p
            where p.projection = c.projection and p.kind = 'newer-release') as waiting
         from projecting.checkpoints c`,
      ),
    );
    for (const row of rows) {
      const behind = Number(head - BigInt(row.position));
      position.set({ projection: row.projection }, Number(row.position));
      lag.set({ projection: row.projection }, behind);
      idle.set({ projection: row.projection }, behind <= 0 ? 0 : row.idle);
      parked.set({ projection: row.projection }, row.parked);
      waiting.set({ projection: row.projection }, row.waiting);
    }
  };

  return {
    moved: (projection: string, to: Position, count: number): void => {
      position.set({ projection }, Number(to));
      events.inc({ projection }, count);
    },
    watch: async (signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        await update().catch(() => {});
        await sleep(intervalMs, signal);
      }
    },
  };
};

export type ProjectionMetrics = ReturnType<typeof createProjectionMetrics>;
