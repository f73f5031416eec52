import { createNotifications, MISSED } from '#platform/database/connections/notifications';
import type { Pooler } from '#platform/database/connections/pooler';
import { type Logger, silentLogger } from '#platform/logging/logger.port';
import { backoff } from '#platform/loops/backoff';
import { createHistory } from '../history';
import type { EventLog, Filter, Page, Position } from '../port';
import { noUpcasters, type Upcasters } from '../upcasting';
import { validateAppend } from '../validate-append';
import { sendBatch } from './append/append-batch';
import { createAppendQueue } from './append/append-queue';
import { createLogPool, reading, writing } from './connections';
import { beginEpoch, checkPositions, findMissing, healPositions, inspectHistory, readIdentity } from './identity';
import { readFrom, readHead, readLast, readLastMark, readPage, readStream } from './read';
import { markOfRow, positionOf } from './rows';
import { subscribePages } from './subscribe';
import { createTail } from './tail';

export interface PostgresEventLogOptions {
  /** Connects as the log's own role, to a database that is migrated. */
  readonly connectionString: string;
  /** What `connectionString` leads over. */
  readonly pooler?: Pooler | undefined;
  /** Where LISTEN connects, which a pooler does not pass on; `connectionString` by default. */
  readonly listenUrl?: string;
  readonly upcasters?: Upcasters;
  /** Connections for reads; 4 by default. Appends have two of their own, and LISTEN one. */
  readonly readers?: number;
  /** ms in which an append is answered, retries included; 5,000 by default. */
  readonly appendDeadlineMs?: number;
  /** ms between two looks at a quiet log; 250 by default. */
  readonly pollMs?: number;
  readonly logger?: Pick<Logger, 'warn'>;
  /** ms between two looks whether the log went back to an older copy; 1,000 by default. */
  readonly historyMs?: number;
}

const APPENDERS = 2;
/**
 * ms after another process was last heard to append. While the log's lock is shared with others, the second batch of a
 * process keeps it busy no more, and only makes batches smaller: then it is one at a time.
 */
const SHARED_MS = 100;
/**
 * Of an append's time, what one statement may take: one that gets no answer (its connection is dead) leaves time to ask
 * again on another.
 */
const STATEMENT_SHARE = 0.4;
/** ms that a read may take. With what the pool adds, less than the 10 s in which a log that was away is to be well again. */
const READ_MS = 5_000;
const CLOSE_MS = 5_000;
/** Makes other processes drop their caches of the log. */
const ERASED = 'erased';

/** The event log in one PostgreSQL table; the comments in `apps/migrations/0003-event-log.sql` say how it keeps its order. */
export const createPostgresEventLog = (options: PostgresEventLogOptions): EventLog => {
  const { connectionString, pooler, upcasters = noUpcasters, appendDeadlineMs = 5_000, pollMs = 250 } = options;
  const { logger = silentLogger, historyMs: intervalMs = 1_000 } = options;
  const appenders = createLogPool(
    { url: connectionString, pooler, max: APPENDERS, statementTimeoutMs: appendDeadlineMs * STATEMENT_SHARE },
    'append',
  );
  const readers = createLogPool(
    { url: connectionString, pooler, max: options.readers ?? 4, statementTimeoutMs: READ_MS },
    'read',
  );
  const history = createHistory({
    inspect: async (mark) => {
      const { behind, ...look } = await inspectHistory(readers, mark);
      // What could not be raised the readiness check names; appends are refused by the database meanwhile.
      if (behind) await healPositions(readers, logger).catch(() => {});
      return look;
    },
    beginEpoch: (seen) => beginEpoch(readers, seen),
    logger,
    intervalMs,
  });
  const tail = createTail({
    read: (from, limit) => readFrom(readers, from, limit),
    last: () => readLast(readers, null),
    // Whether the log went back, or a tenant was erased, the history tells; a log that is not available is asked again soon.
    onDoubt: () => void history.check().catch(() => {}),
    upcasters,
  });
  history.onReset(tail.reset);
  let othersAppendedAt = Number.NEGATIVE_INFINITY;
  const wake = createNotifications({
    channel: 'event_log',
    connectionString: options.listenUrl ?? connectionString,
    pool: readers,
    onRemote: (message) => {
      othersAppendedAt = performance.now();
      tail.expire();
      if (message === ERASED || message === MISSED) tail.reset();
    },
  });
  wake.start();
  const closed = new AbortController();

  const queue = createAppendQueue({
    send: async (batch) => {
      const { answers, written } = await writing(appenders, (client) => sendBatch(client, batch, upcasters));
      tail.offer(written);
      const newest = written.at(-1);
      if (newest) history.observe(positionOf(newest), () => markOfRow(newest));
      return answers;
    },
    inFlight: () => (performance.now() - othersAppendedAt < SHARED_MS ? 1 : APPENDERS),
    maxBatch: 256,
    maxBatchBytes: 4 * 1024 * 1024,
    maxWaiting: 10_000,
    deadlineMs: appendDeadlineMs,
    onWritten: wake.notify,
    backoffMs: (failed) => backoff(failed, { firstMs: 20, maxMs: 1_000 }),
  });

  /** From memory where the subscriber is near the head, as nearly all are nearly always; else from the table. */
  const nextPage = async (after: Position, limit: number, filter: Filter): Promise<Page> => {
    await tail.catchUp();
    return tail.page(after, limit, filter) ?? readPage(readers, upcasters, { ...filter, after, limit });
  };

  return {
    append: async (append) => queue.add(validateAppend(append)),
    readStream: (stream, read) => readStream(readers, upcasters, stream, read),
    readAll: (read) => readPage(readers, upcasters, read),
    subscribe: (subscribe) => {
      const { pageSize = 1_000, signal } = subscribe;
      const { after: _, signal: __, pageSize: ___, ...filter } = subscribe;
      return subscribePages(
        { read: (after) => nextPage(after, pageSize, filter), expire: tail.expire, wake, history, pollMs },
        { ...subscribe, signal: signal ? AbortSignal.any([signal, closed.signal]) : closed.signal },
      );
    },
    head: () => readHead(readers),
    identity: async () => history.identity ?? readIdentity(readers),
    lastEvent: (notAfter) => readLastMark(readers, notAfter ?? null),
    checkPositions: () => checkPositions(readers, logger),
    missing: (marks) => findMissing(readers, marks),
    onHistoryChange: history.onChange,
    deleteTenant: (tenantId) =>
      reading(readers, async (client) => {
        // Committed before the first event is deleted: no append can come after the last look.
        await client.query('select event_log.bury_tenant($1)', [tenantId]);
        await client.query('select event_log.erase_tenant($1)', [tenantId]);
        tail.reset();
        await wake.tell(ERASED);
      }),
    ping: async () => {
      await readHead(readers);
    },
    close: async () => {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      });
      await Promise.race([queue.drain(), late]);
      clearTimeout(timer);
      closed.abort();
      history.stop();
      await wake.close();
      await Promise.allSettled([appenders.end(), readers.end()]);
    },
  };
};
