import type { Pool } from 'pg';
import type { EventLog } from '#event-log/port';
import { withClient } from '#platform/database/connections/pools';
import type { Logger } from '#platform/logging/logger.port';
import { sleep } from '#platform/loops/backoff';
import type { Projection } from '../projection';
import { missedEvents, type ParkedPartition } from './missed-events';
import { resumePartition } from './parking';

export interface RetryOptions {
  readonly log: EventLog;
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** ms between two looks at the parked partitions; 2,000 by default. */
  readonly pollMs?: number;
}

interface Waiting extends ParkedPartition {
  readonly type: string;
  readonly schemaVersion: number;
}

const waitingPartitions = (pool: Pool, { name, version }: Projection): Promise<Waiting[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<Omit<Waiting, 'position'> & { position: string }>({
      name: 'waiting-partitions',
      text: `select p.partition, p.outside, p.aggregate, p.position, p.error, p.event_type as type,
          p.schema_version as "schemaVersion"
        from projecting.parked p join projecting.checkpoints c using (projection)
        where p.projection = $1 and c.version = $2 and p.kind = 'newer-release' order by p.position`,
      values: [name, version],
    });
    return rows.map((row) => ({ ...row, position: BigInt(row.position) }));
  });

/**
 * Lets the partitions continue that wait for this release: those whose event could not be read by the worker that met it, and can be
 * by this one. What one event type and version is found to be holds for all partitions that wait for it.
 */
const retryWaiting = async (projection: Projection, { log, pool, logger, signal }: RetryOptions): Promise<void> => {
  const readable = new Map<string, boolean>();
  for (const waiting of await waitingPartitions(pool, projection)) {
    if (signal.aborted) return;
    const { partition, type, schemaVersion, position } = waiting;
    const awaited = `${type} ${schemaVersion}`;
    if (readable.get(awaited) === false) continue;
    if (!readable.has(awaited)) {
      const { events } = await missedEvents(log, waiting, [type], position);
      readable.set(awaited, !events[0]?.undecodable);
      if (!readable.get(awaited)) continue;
    }
    const outcome = await resumePartition(pool, log, projection, partition);
    logger.info(
      { projection: projection.name, partition, type, schemaVersion, outcome },
      'parked partition tried again',
    );
  }
};

/** Looks for such partitions until the signal aborts. A failure is logged, and the next look comes all the same. */
export const runRetries = async (projections: readonly Projection[], options: RetryOptions): Promise<void> => {
  const { logger, signal, pollMs = 2_000 } = options;
  while (!signal.aborted) {
    for (const projection of projections) {
      try {
        await retryWaiting(projection, options);
      } catch (error) {
        if (!signal.aborted)
          logger.warn({ err: error, projection: projection.name }, 'parked partitions were not retried');
      }
    }
    await sleep(pollMs, signal);
  }
};
