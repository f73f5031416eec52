import { DatabaseError, type PoolClient } from 'pg';
import { logHoldsMark, markText } from '#event-log/mark';
import { type EventLog, HistoryChanged } from '#event-log/port';
import { inTransaction } from '#platform/database/connections/pools';
import { backoff, sleep } from '#platform/loops/backoff';
import type { Parked } from '../checkpoints/checkpoint';
import { isDataError } from '../fold/poison';
import type { Projection } from '../projection';
import { catchUp, catchUpInTransaction } from './catch-up';
import { type Attempt, AttemptLost, finishAttempt } from './rebuild-attempt';
import type { RebuildOptions, RebuildState } from './rebuild-progress';
import type { Shadow } from './shadow';

/** Attempts at the swap if the database refuses rows of the last events. */
const TRIES = 5;
/** `lock_not_available` and `deadlock_detected`. */
const LOCK_ERRORS: ReadonlySet<string | undefined> = new Set(['55P03', '40P01']);

const replaceParked = async (client: PoolClient, projection: string, parked: Iterable<Parked>): Promise<void> => {
  await client.query('delete from projecting.parked where projection = $1', [projection]);
  for (const { partition, outside, aggregate, position, type, error, kind, schemaVersion } of parked) {
    await client.query(
      `insert into projecting.parked
         (projection, partition, outside, aggregate, position, event_type, error, kind, schema_version)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [projection, partition, outside, aggregate, position.toString(), type, error, kind, schemaVersion],
    );
  }
};

/**
 * Replaces the tables that are read and moves the checkpoint, whose row stays locked meanwhile.
 * @throws AttemptLost a higher version was installed meanwhile
 * @throws HistoryChanged the log has lost events that were folded
 */
const swapTables = async (
  client: PoolClient,
  projection: Projection,
  attempt: Attempt,
  shadow: Shadow,
  progress: RebuildState,
  log: EventLog,
): Promise<void> => {
  const { rows } = await client.query<{ tables: string[] | null }>(
    `select c.tables from projecting.checkpoints c join projecting.rebuilds r using (projection)
     where c.projection = $1 and r.id = $2 and (c.version <= r.version or r.downgrade) for update of c`,
    [projection.name, attempt.rebuild],
  );
  const [installed] = rows;
  if (!installed) throw new AttemptLost(`a higher version of ${projection.name} was installed meanwhile`);
  await catchUpInTransaction(client, projection, shadow, progress, log);
  await shadow.swap(client, installed.tables);
  await replaceParked(client, projection.name, progress.parked.values());
  const { logId } = await log.identity();
  const mark = progress.last ? markText({ ...progress.last, logId }) : null;
  const { rowCount } = await client.query(
    `update projecting.checkpoints
     set version = $2, position = $3, tables = $4, mark = $5, epoch = epoch + 1, moved_at = now()
     where projection = $1 and ${logHoldsMark('$5')}`,
    [projection.name, projection.version, progress.position.toString(), Object.keys(projection.tables), mark],
  );
  if (rowCount === 0) throw new HistoryChanged();
};

/**
 * Writes the events that were appended during the load, and then swaps the tables in one short transaction. The live
 * projection cannot write meanwhile, because the row of its checkpoint is locked.
 * @throws AttemptLost, HistoryChanged, or the error of the log or of the database
 */
export const swap = async (
  projection: Projection,
  attempt: Attempt,
  shadow: Shadow,
  progress: RebuildState,
  options: RebuildOptions,
): Promise<void> => {
  const { pool, log, signal, logger } = options;
  await shadow.indexAdded();
  await catchUp(projection, shadow, progress, options);
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    const before = { ...progress, parked: new Map(progress.parked) };
    try {
      await inTransaction(pool, async (client) => {
        await client.query("set local lock_timeout = '2s'; set local synchronous_commit = on");
        // This comes first, so that no other attempt claims the rebuild before this transaction has ended.
        await finishAttempt(client, attempt);
        await swapTables(client, projection, attempt, shadow, progress, log);
        await client.query('update projecting.rebuilds set position = $2, events = $3 where id = $1', [
          attempt.rebuild,
          progress.position.toString(),
          progress.events,
        ]);
      });
      return;
    } catch (error) {
      // A query on a view locks the view and then the table; the swap locks them in the opposite order. That can
      // deadlock.
      const isLocked = error instanceof DatabaseError && LOCK_ERRORS.has(error.code);
      if (!isLocked && !(isDataError(error) && tries < TRIES)) throw error;
      Object.assign(progress, { position: before.position, last: before.last, events: before.events });
      progress.parked.clear();
      for (const [partition, one] of before.parked) progress.parked.set(partition, one);
      // The refused event is found, and its partition parked, by writing the events outside of the transaction.
      if (!isLocked) {
        await catchUp(projection, shadow, progress, options);
        continue;
      }
      // A long query on the old tables blocks the swap. A longer wait would make all later queries wait behind the
      // swap.
      logger.warn({ projection: projection.name, tries }, 'the swap waits for readers of the old tables');
      await sleep(backoff(tries, { firstMs: 200, maxMs: 5_000 }), signal);
    }
  }
};
