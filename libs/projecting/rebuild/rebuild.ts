import type { PoolClient } from 'pg';
import { DatabaseError } from 'pg';
import { heldByLog, markText } from '#event-log/mark';
import type { EventLog } from '#event-log/port';
import { HistoryChanged, LogUnavailable } from '#event-log/port';
import { inTransaction, isConnectionSuspect } from '#platform/database/connections/pools';
import { backoff, sleep } from '#platform/loops/backoff';
import type { Parked } from '../checkpoints/checkpoint';
import { reasonOf } from '../fold/fold';
import { isDataError } from '../fold/poison';
import { withoutSkipped } from '../fold/skips';
import type { Projection } from '../projection';
import { RowBuffer } from '../rows/row-buffer';
import { describeRefusal, requireReplaceable } from './dependents';
import { loadCarefully, writePage } from './load-carefully';
import { loadHistory } from './load-history';
import {
  type Attempt,
  AttemptLost,
  failAttempt,
  finishAttempt,
  report,
  returnAttempt,
  takeRebuild,
} from './rebuild-attempt';
import { atTheBeginning, foldPage, type RebuildOptions, type RebuildState } from './rebuild-progress';
import { createShadow, type Shadow } from './shadow';
import { dropLeftovers } from './shadow-leftovers';

/** Tries to swap where the database refuses what came last. */
const TRIES = 5;

/** Everything that came since, page by page. */
const catchUp = async (
  projection: Projection,
  shadow: Shadow,
  progress: RebuildState,
  options: RebuildOptions,
): Promise<void> => {
  for (;;) {
    options.signal.throwIfAborted();
    const page = await options.log.readAll({ after: progress.position, types: projection.types, limit: 1_000 });
    await writePage(projection, shadow, page, progress, options);
    if (page.caughtUp) return;
  }
};

/** The last of it, in the transaction that swaps. */
const catchUpIn = async (
  client: PoolClient,
  projection: Projection,
  shadow: Shadow,
  progress: RebuildState,
  log: EventLog,
): Promise<void> => {
  const buffer = new RowBuffer(projection.tables);
  for (;;) {
    const page = await log.readAll({ after: progress.position, types: projection.types, limit: 1_000 });
    buffer.clear();
    foldPage(projection, page, buffer, progress);
    await shadow.writeIn(client, buffer);
    if (page.caughtUp) return;
  }
};

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
 * Moves the checkpoint to the new tables, held at its row while they are put in place.
 * @throws AttemptLost where a higher version was installed meanwhile
 */
const swap = async (
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
  await catchUpIn(client, projection, shadow, progress, log);
  await shadow.swap(client, installed.tables);
  await replaceParked(client, projection.name, progress.parked.values());
  const { logId } = await log.identity();
  const mark = progress.last ? markText({ ...progress.last, logId }) : null;
  const { rowCount } = await client.query(
    `update projecting.checkpoints
     set version = $2, position = $3, tables = $4, mark = $5, epoch = epoch + 1, moved_at = now()
     where projection = $1 and ${heldByLog('$5')}`,
    [projection.name, projection.version, progress.position.toString(), Object.keys(projection.tables), mark],
  );
  // Folded from events that the log lost meanwhile.
  if (rowCount === 0) throw new HistoryChanged();
};

/** What came while the shadow was filled, and then the swap, with the live projection held at its checkpoint row. */
const finish = async (
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
        // First, so that nobody takes the rebuild until this is committed.
        await finishAttempt(client, attempt);
        await swap(client, projection, attempt, shadow, progress, log);
        await client.query('update projecting.rebuilds set position = $2, events = $3 where id = $1', [
          attempt.rebuild,
          progress.position.toString(),
          progress.events,
        ]);
      });
      return;
    } catch (error) {
      // A reader of a view locks the view first and then the table, the swap does so the other way round: a deadlock.
      const isHeldUp = error instanceof DatabaseError && (error.code === '55P03' || error.code === '40P01');
      if (!isHeldUp && !(isDataError(error) && tries < TRIES)) throw error;
      Object.assign(progress, { position: before.position, last: before.last, events: before.events });
      progress.parked.clear();
      for (const [partition, one] of before.parked) progress.parked.set(partition, one);
      // Whose row the database refused shows outside of the transaction.
      if (!isHeldUp) {
        await catchUp(projection, shadow, progress, options);
        continue;
      }
      // A long query on the old tables holds the swap up; waiting longer would make all later queries wait behind it.
      logger.warn({ projection: projection.name, tries }, 'the swap waits for readers of the old tables');
      await sleep(backoff(tries, { firstMs: 200, maxMs: 5_000 }), signal);
    }
  }
};

const load = async (
  projection: Projection,
  attempt: Attempt,
  shadow: Shadow,
  options: RebuildOptions,
): Promise<RebuildState> => {
  const progress = atTheBeginning();
  try {
    await loadHistory(projection, attempt, shadow, progress, options);
    return progress;
  } catch (error) {
    if (!isDataError(error)) throw error;
    options.logger.warn(
      { projection: projection.name, reason: reasonOf(error) },
      'the database refused a row; the rebuild continues page by page',
    );
  }
  await shadow.startOver();
  const again = atTheBeginning();
  await loadCarefully(projection, attempt, shadow, again, options);
  return again;
};

/** Leaves the rebuild open for the next attempt, and says why in the log and in the database. */
const giveUp = async (
  projection: Projection,
  attempt: Attempt,
  error: unknown,
  { pool, logger, signal }: RebuildOptions,
): Promise<void> => {
  const { name, version } = projection;
  try {
    if (error instanceof AttemptLost) {
      logger.warn({ projection: name, version, reason: error.message }, 'the attempt at a rebuild was ended');
    } else if (signal.aborted) {
      await returnAttempt(pool, attempt);
    } else {
      const isOutside =
        isConnectionSuspect(error) || error instanceof LogUnavailable || error instanceof HistoryChanged;
      const reason = describeRefusal(error) ?? reasonOf(error);
      const next = await failAttempt(pool, attempt, { state: isOutside ? 'requested' : 'failed', error: reason });
      logger.error(
        { err: error, projection: name, version, reason, failures: next?.failures, retryInSeconds: next?.seconds },
        'a rebuild failed and will be tried again',
      );
    }
  } catch (unmarked) {
    // The database is not available. The rebuild stays open all the same, and the next worker that reaches it takes it.
    logger.warn({ err: unmarked, projection: name, version }, 'a rebuild ended and could not be marked so');
  }
};

/**
 * Folds a read model again beside the one that is read, then swaps the two in one short transaction: readers never see an
 * empty or half-built table. Started over from nothing after a crash. Every transaction checks that the right to the rebuild
 * was not given to another attempt meanwhile.
 * @param id of an open rebuild that wants the version of this projection
 * @throws what went wrong; the old read model stays, and the rebuild stays open with a time for its next attempt
 */
export const rebuild = async (asked: Projection, id: string, options: RebuildOptions): Promise<void> => {
  const { pool, roles, log, logger, signal } = options;
  const projection = await withoutSkipped(pool, asked);
  const attempt = await takeRebuild(pool, projection, id, await log.head());
  let shadow: Shadow | undefined;
  try {
    await requireReplaceable(pool, projection);
    shadow = await createShadow(pool, projection, roles, attempt);
    const progress = await load(projection, attempt, shadow, options);
    signal.throwIfAborted();
    await report(pool, attempt, 'catching-up', progress);
    await finish(projection, attempt, shadow, progress, options);
    logger.info(
      { projection: projection.name, version: projection.version, events: progress.events },
      'projection rebuilt',
    );
  } catch (error) {
    await giveUp(projection, attempt, error, options);
    if (!signal.aborted) throw error;
  } finally {
    await dropLeftovers(pool, logger).catch((error: unknown) =>
      logger.warn({ err: error }, 'the tables of a rebuild that ended could not be looked for'),
    );
  }
};
