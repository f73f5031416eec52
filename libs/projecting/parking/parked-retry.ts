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
  /** ms between two searches for partitions that can continue; 2,000 by default. */
  readonly pollMs?: number;
}

/** A partition that waits for a release that can read its event. */
interface WaitingPartition extends ParkedPartition {
  readonly type: string;
  readonly schemaVersion: number;
}

const waitingPartitions = (pool: Pool, { name, version }: Projection): Promise<WaitingPartition[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<Omit<WaitingPartition, 'position'> & { position: string }>({
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
 * Resumes the partitions that wait for this release: the worker that parked them could not read their event, and this
 * worker can. Whether an event type and schema version is readable is tested once for all partitions that wait for it.
 */
const retryWaiting = async (projection: Projection, { log, pool, logger, signal }: RetryOptions): Promise<void> => {
  const readable = new Map<string, boolean>();
  for (const waiting of await waitingPartitions(pool, projection)) {
    if (signal.aborted) return;
    const { partition, type, schemaVersion, position } = waiting;
    const eventKind = `${type} ${schemaVersion}`;
    if (readable.get(eventKind) === false) continue;
    if (!readable.has(eventKind)) {
      const { events } = await missedEvents(log, waiting, [type], position);
      readable.set(eventKind, !events[0]?.undecodable);
      if (!readable.get(eventKind)) continue;
    }
    const outcome = await resumePartition(pool, log, projection, partition);
    logger.info(
      { projection: projection.name, partition, type, schemaVersion, outcome },
      'parked partition tried again',
    );
  }
};

/**
 * Resumes partitions that wait for this release, until the signal aborts. A failure is logged, and the search is
 * repeated.
 */
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
