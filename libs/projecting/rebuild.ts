import type { PoolClient } from 'pg';
import { DatabaseError } from 'pg';
import type { EventLog } from '../event-log/port';
import { LogUnavailable } from '../event-log/port';
import { backoff, sleep } from '../platform/backoff';
import { inTransaction, isConnectionSuspect } from '../platform/database/pools';
import type { Parked } from './checkpoint';
import { reasonOf } from './fold';
import { loadCarefully, writePage } from './load-carefully';
import { loadHistory } from './load-history';
import { isDataError } from './poison';
import type { Projection } from './projection';
import { atTheBeginning, foldPage, type Progressing, type RebuildOptions, report } from './rebuild-progress';
import { RowBuffer } from './row-buffer';
import { createShadow, type Shadow } from './shadow';
import { withoutSkipped } from './skips';

/** Tries to swap where the database refuses what came last. */
const ATTEMPTS = 5;

/** Everything that came since, page by page. */
const catchUp = async (
  projection: Projection,
  shadow: Shadow,
  progress: Progressing,
  options: RebuildOptions,
): Promise<void> => {
  for (;;) {
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
  progress: Progressing,
  log: EventLog,
): Promise<void> => {
  const buffer = new RowBuffer(projection.tables);
  for (;;) {
    const page = await log.readAll({ after: progress.position, types: projection.types, limit: 1_000 });
    buffer.clear();
    foldPage(projection, page, buffer, progress);
    await shadow.write(client, buffer);
    if (page.caughtUp) return;
  }
};

const replaceParked = async (client: PoolClient, projection: string, parked: Iterable<Parked>): Promise<void> => {
  await client.query('delete from projecting.parked where projection = $1', [projection]);
  for (const { lane, outside, aggregate, position, type, error, kind, schemaVersion } of parked) {
    await client.query(
      `insert into projecting.parked
         (projection, lane, outside, aggregate, position, event_type, error, kind, schema_version)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [projection, lane, outside, aggregate, position.toString(), type, error, kind, schemaVersion],
    );
  }
};

/** What came while the shadow was filled, and then the swap, with the live projection held at its checkpoint row. */
const finish = async (
  projection: Projection,
  id: string,
  shadow: Shadow,
  progress: Progressing,
  options: RebuildOptions,
): Promise<void> => {
  const { pool, log, signal, logger } = options;
  await catchUp(projection, shadow, progress, options);
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const before = { position: progress.position, events: progress.events, parked: new Map(progress.parked) };
    try {
      await inTransaction(pool, async (client) => {
        await client.query("set local lock_timeout = '2s'; set local synchronous_commit = on");
        await client.query('select from projecting.checkpoints where projection = $1 for update', [projection.name]);
        await catchUpIn(client, projection, shadow, progress, log);
        await shadow.swap(client);
        await replaceParked(client, projection.name, progress.parked.values());
        await client.query(
          `update projecting.checkpoints
           set version = $2, position = $3, epoch = epoch + 1, moved_at = now() where projection = $1`,
          [projection.name, projection.version, progress.position.toString()],
        );
        await client.query(
          `update projecting.rebuilds set state = 'done', position = $2, events = $3, finished_at = now() where id = $1`,
          [id, progress.position.toString(), progress.events],
        );
      });
      return;
    } catch (error) {
      const isHeldUp = error instanceof DatabaseError && error.code === '55P03';
      if (!isHeldUp && !(isDataError(error) && attempt < ATTEMPTS)) throw error;
      Object.assign(progress, { position: before.position, events: before.events });
      progress.parked.clear();
      for (const [lane, one] of before.parked) progress.parked.set(lane, one);
      // Whose row the database refused shows outside of the transaction.
      if (!isHeldUp) {
        await catchUp(projection, shadow, progress, options);
        continue;
      }
      // A long query on the old tables holds the swap up; waiting longer would make all later queries wait behind it.
      logger.warn({ projection: projection.name, attempt }, 'the swap waits for readers of the old tables');
      await sleep(backoff(attempt, { firstMs: 200, maxMs: 5_000 }), signal);
    }
  }
};

/**
 * Folds a read model anew beside the one that is read, then swaps the two in one short transaction: readers never see an
 * empty or half-built table. Started over from nothing after a crash.
 * @throws what went wrong; the rebuild is then marked as failed and the old read model stays
 */
export const rebuild = async (asked: Projection, id: string, options: RebuildOptions): Promise<void> => {
  const { pool, roles, log, logger } = options;
  const projection = await withoutSkipped(pool, asked);
  let progress = atTheBeginning();
  let shadow: Shadow | undefined;
  try {
    const target = await log.head();
    await pool.query(
      `update projecting.rebuilds set state = 'loading', started_at = now(), target = $2, position = 0, events = 0 where id = $1`,
      [id, target.toString()],
    );
    shadow = await createShadow(pool, projection, roles);
    try {
      await loadHistory(projection, id, shadow, progress, options);
    } catch (error) {
      if (!isDataError(error)) throw error;
      logger.warn(
        { projection: projection.name, reason: reasonOf(error) },
        'a row was refused, rebuilding page by page',
      );
      await shadow.discard();
      shadow = await createShadow(pool, projection, roles);
      progress = atTheBeginning();
      await loadCarefully(projection, id, shadow, progress, options);
    }
    await report(pool, id, 'catching-up', progress);
    await finish(projection, id, shadow, progress, options);
    await shadow.discardRetired().catch(() => {});
    logger.info({ projection: projection.name, events: progress.events }, 'projection rebuilt');
  } catch (error) {
    await shadow?.discard().catch(() => {});
    // Ended from outside: it stays open, and the next worker starts it over.
    if (options.signal.aborted) return;
    // So it does where a connection was lost. Nobody would ask for it again, and a read model of another version stands still.
    if (isConnectionSuspect(error) || error instanceof LogUnavailable) throw error;
    await pool
      .query(`update projecting.rebuilds set state = 'failed', error = $2, finished_at = now() where id = $1`, [
        id,
        reasonOf(error),
      ])
      .catch(() => {});
    throw error;
  }
};
