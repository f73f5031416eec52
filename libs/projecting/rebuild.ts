import type { Pool, PoolClient } from 'pg';
import { DatabaseError } from 'pg';
import type { EventLog, Page, Position } from '../event-log/port';
import { LogUnavailable, START } from '../event-log/port';
import { backoff, sleep } from '../platform/backoff';
import { inTransaction, isConnectionSuspect, withClient } from '../platform/database/pools';
import type { Logger } from '../platform/logger.port';
import type { Parked } from './checkpoint';
import { foldEvents, reasonOf } from './fold';
import type { Projection } from './projection';
import { RowBuffer } from './row-buffer';
import { createShadow, type Shadow } from './shadow';

export interface RebuildOptions {
  readonly log: EventLog;
  /** Connects as the projector. */
  readonly pool: Pool;
  readonly roles: Readonly<Record<string, string>>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Rows kept in memory before they are written; bounds the memory. 50,000 unless given. */
  readonly chunkRows?: number;
  /** Events in one read; 5,000 unless given. */
  readonly pageSize?: number;
}

interface Progressing {
  position: Position;
  events: number;
  /** By lane; the lane stands still from its event on, in the new read model too. */
  readonly parked: Map<string, Parked>;
}

const report = (pool: Pool, id: string, state: string, { position, events }: Progressing): Promise<unknown> =>
  withClient(pool, (client) =>
    client.query('update projecting.rebuilds set state = $2, position = $3, events = $4 where id = $1', [
      id,
      state,
      position.toString(),
      events,
    ]),
  );

const foldPage = (projection: Projection, page: Page, buffer: RowBuffer, progress: Progressing): void => {
  for (const one of foldEvents(projection, page.events, new Set(progress.parked.keys()), buffer))
    progress.parked.set(one.lane, one);
  progress.position = page.position;
  progress.events += page.events.length;
};

/** Everything up to the head that the log has now, in chunks of rows that are loaded with COPY. */
const loadHistory = async (
  projection: Projection,
  id: string,
  shadow: Shadow,
  progress: Progressing,
  { log, pool, signal, chunkRows = 50_000, pageSize = 5_000 }: RebuildOptions,
): Promise<void> => {
  const buffer = new RowBuffer(projection.tables);
  const target = await log.head();
  const ended = new AbortController();
  const pages = log.subscribe({
    after: START,
    types: projection.types,
    pageSize,
    signal: AbortSignal.any([signal, ended.signal]),
  });
  let loading: Promise<void> = Promise.resolve();
  let told: Promise<unknown> = Promise.resolve();
  let spare = new RowBuffer(projection.tables);
  let filling = buffer;
  try {
    for await (const page of pages) {
      foldPage(projection, page, filling, progress);
      if (filling.size >= chunkRows) {
        // One chunk is written while the next one is folded.
        await loading;
        const full = filling;
        filling = spare;
        spare = full;
        loading = shadow.load(full);
        loading.catch(() => {});
        await told;
        told = report(pool, id, 'loading', progress);
        told.catch(() => {});
      }
      if (page.position >= target || page.caughtUp) break;
    }
    await Promise.all([loading, told]);
    signal.throwIfAborted();
    await shadow.load(filling);
    await shadow.index();
  } finally {
    ended.abort();
  }
};

const catchUp = async (
  projection: Projection,
  client: PoolClient,
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
  for (const { lane, outside, aggregate, position, type, error } of parked) {
    await client.query(
      `insert into projecting.parked (projection, lane, outside, aggregate, position, event_type, error)
       values ($1, $2, $3, $4, $5, $6, $7)`,
      [projection, lane, outside, aggregate, position.toString(), type, error],
    );
  }
};

/** What came while the shadow was filled, and then the swap, with the live projection held at its checkpoint row. */
const finish = async (
  projection: Projection,
  id: string,
  shadow: Shadow,
  progress: Progressing,
  { pool, log, signal, logger }: RebuildOptions,
): Promise<void> => {
  await withClient(pool, (client) => catchUp(projection, client, shadow, progress, log));
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    const before = { position: progress.position, events: progress.events, parked: new Map(progress.parked) };
    try {
      await inTransaction(pool, async (client) => {
        await client.query("set local lock_timeout = '2s'; set local synchronous_commit = on");
        await client.query('select from projecting.checkpoints where projection = $1 for update', [projection.name]);
        await catchUp(projection, client, shadow, progress, log);
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
      // A long query on the old tables holds the swap up; waiting longer would make all later queries wait behind it.
      if (!(error instanceof DatabaseError) || error.code !== '55P03') throw error;
      Object.assign(progress, { position: before.position, events: before.events });
      progress.parked.clear();
      for (const [lane, one] of before.parked) progress.parked.set(lane, one);
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
export const rebuild = async (projection: Projection, id: string, options: RebuildOptions): Promise<void> => {
  const { pool, roles, log, logger } = options;
  const progress: Progressing = { position: START, events: 0, parked: new Map() };
  let shadow: Shadow | undefined;
  try {
    const target = await log.head();
    await pool.query(
      `update projecting.rebuilds set state = 'loading', started_at = now(), target = $2, position = 0, events = 0 where id = $1`,
      [id, target.toString()],
    );
    shadow = await createShadow(pool, projection, roles);
    await loadHistory(projection, id, shadow, progress, options);
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
