import type { Pool } from 'pg';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { EventLog } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import { sleep } from '#platform/loops/backoff';

export interface ReactionMetricsOptions {
  readonly registry: Registry;
  readonly log: Pick<EventLog, 'head'>;
  readonly pool: Pool;
  /** ms between two reads of the head and the checkpoints; 2,000 by default. */
  readonly intervalMs?: number;
}

/** Prometheus metrics of each reaction: its position, and its lag in positions of the log. */
export const createReactionMetrics = ({ registry, log, pool, intervalMs = 2_000 }: ReactionMetricsOptions) => {
  const gauge = (name: string, help: string): Gauge<'reaction'> =>
    new Gauge({ name, help, labelNames: ['reaction'], registers: [registry] });
  const position = gauge('tenantry_reaction_position', 'Position of the reaction in the log');
  const lag = gauge(
    'tenantry_reaction_lag_positions',
    'Positions between the head of the log and the reaction; below 0: it is ahead of the log',
  );
  const idle = gauge('tenantry_reaction_behind_seconds', 'Seconds since a reaction with a lag last advanced');
  const parked = gauge('tenantry_reaction_parked_events', 'Events whose reaction failed and that wait for an operator');
  const waiting = gauge('tenantry_reaction_waiting_events', 'Events that were deferred because their tenant is slow');
  const events = new Counter({
    name: 'tenantry_reaction_events_total',
    help: 'Events that this process has handled',
    labelNames: ['reaction'],
    registers: [registry],
  });

  const update = async (): Promise<void> => {
    const head = await log.head();
    const { rows } = await withClient(pool, (client) =>
      client.query<{ reaction: string; position: string; idle: number; parked: number; waiting: number }>(
        `select c.reaction, c.position, extract(epoch from now() - c.moved_at)::float8 as idle,
           (select count(*)::integer from reacting.parked p where p.reaction = c.reaction and not waiting) as parked,
           (select count(*)::integer from reacting.parked p where p.reaction = c.reaction and waiting) as waiting
         from reacting.checkpoints c`,
      ),
    );
    for (const { reaction, ...row } of rows) {
      const behind = Number(head - BigInt(row.position));
      position.set({ reaction }, Number(row.position));
      lag.set({ reaction }, behind);
      idle.set({ reaction }, behind <= 0 ? 0 : row.idle);
      parked.set({ reaction }, row.parked);
      waiting.set({ reaction }, row.waiting);
    }
  };

  return {
    answered: (reaction: string): void => {
      events.inc({ reaction });
    },
    watch: async (signal: AbortSignal): Promise<void> => {
      while (!signal.aborted) {
        await update().catch(() => {});
        await sleep(intervalMs, signal);
      }
    },
  };
};

export type ReactionMetrics = ReturnType<typeof createReactionMetrics>;
