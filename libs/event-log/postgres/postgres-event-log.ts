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
import { createLogPool, runRead, runWrite } from './connections';
import { beginEpoch, checkPositions, findMissing, inspectHistory, raisePositions, readIdentity } from './identity';
import { readFrom, readHead, readLast, readLastMark, readPage, readStream } from './read';
import { markOfRow, positionOf } from './rows';
import { subscribePages } from './subscribe';
import { createTail } from './tail';

export interface PostgresEventLogOptions {
  /** Connects to a migrated database as the database role of the log. */
  readonly connectionString: string;
  /** The pooler to which `connectionString` leads; none by default. */
  readonly pooler?: Pooler | undefined;
  /** The URL for LISTEN, which must not lead to a pooler; `connectionString` by default. */
  readonly listenUrl?: string;
  readonly upcasters?: Upcasters;
  /** Connections for reads; 4 by default. Appends use two further connections, and LISTEN one. */
  readonly readers?: number;
  /** The longest time in ms until an append is answered, retries included; 5,000 by default. */
  readonly appendDeadlineMs?: number;
  /** ms between two reads of a log of which no append is notified; 250 by default. */
  readonly pollMs?: number;
  readonly logger?: Pick<Logger, 'warn'>;
  /** ms between two checks whether the log went back to an older copy; 1,000 by default. */
  readonly historyMs?: number;
}

const APPENDERS = 2;
/**
 * For this number of ms after a notification that another process has appended, this process sends one batch at a time.
 * While several processes compete for the lock of the log, a second batch in flight only makes the batches smaller.
 */
const SHARED_MS = 100;
/**
 * The share of an append's deadline that one statement may take. If a statement gets no answer because its connection
 * is dead, there is time to send it again on another connection.
 */
const STATEMENT_SHARE = 0.4;
/**
 * ms that a read may take. Together with the timeouts of the pool, a read ends in less than 10 s, so that the log is in
 * use again within 10 s after an outage.
 */
const READ_MS = 5_000;
const CLOSE_MS = 5_000;
/** The notification after which other processes drop their caches of the log. */
const ERASED = 'erased';

/** The event log in one PostgreSQL table. The comments in `apps/migrations/0003-event-log.sql` explain its order. */
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
      const { behind, ...report } = await inspectHistory(readers, mark);
      // If the sequence cannot be raised, the readiness check reports it, and the database refuses appends.
      if (behind) await raisePositions(readers, logger).catch(() => {});
      return report;
    },
    beginEpoch: (seen) => beginEpoch(readers, seen),
    logger,
    intervalMs,
  });
  const tail = createTail({
    read: (from, limit) => readFrom(readers, from, limit),
    last: () => readLast(readers, null),
    // The check finds out whether the log went back or a tenant was erased. If it fails, regular checks repeat it soon.
    onMismatch: () => void history.check().catch(() => {}),
    upcasters,
  });
  history.onReset(tail.reset);
  let othersAppendedAt = Number.NEGATIVE_INFINITY;
  const notifications = createNotifications({
    channel: 'event_log',
    connectionString: options.listenUrl ?? connectionString,
    pool: readers,
    onMessage: (message) => {
      othersAppendedAt = performance.now();
      tail.markStale();
      if (message === ERASED || message === MISSED) tail.reset();
    },
  });
  notifications.start();
  const closed = new AbortController();

  const queue = createAppendQueue({
    send: async (batch) => {
      const { answers, written } = await runWrite(appenders, (client) => sendBatch(client, batch, upcasters));
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
    onWritten: notifications.notify,
    backoffMs: (failed) => backoff(failed, { firstMs: 20, maxMs: 1_000 }),
  });

  /**
   * Reads from memory if the subscriber is near the head, which is nearly always the case; otherwise from the table.
   */
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
        { read: (after) => nextPage(after, pageSize, filter), onPoll: tail.markStale, notifications, history, pollMs },
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
      runRead(readers, async (client) => {
        // Committed before the first event is deleted, so that no event can be appended after the deletion.
        await client.query('select event_log.bury_tenant($1)', [tenantId]);
        await client.query('select event_log.erase_tenant($1)', [tenantId]);
        tail.reset();
        await notifications.broadcast(ERASED);
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
      await notifications.close();
      await Promise.allSettled([appenders.end(), readers.end()]);
    },
  };
};
