import {
  type BackendFactory,
  PostgresConnection,
  type PostgresConnectionOptions,
  PostgresQueueBackend,
  Queue,
  Worker,
} from 'bullmq';
import type { Pool, PoolClient } from 'pg';
import { createPool, withClient } from '../database/connections/pools';
import { JOBS_SCHEMA } from './schema';
import type { Transport } from './transport';

export interface PostgresTransportOptions {
  /** The URL of the role `jobs`. */
  readonly url: string;
  /** The maximum number of connections: one listens, the others are borrowed for single statements. */
  readonly max: number;
  readonly onError: (error: Error) => void;
}

/** ms. Locks of jobs and marks of checks for stalled jobs that are further in the future come from a fast clock. */
const IMPOSSIBLE_MS = 120_000;
const NOW_MS = '(extract(epoch from clock_timestamp()) * 1000)::bigint';
/**
 * BullMQ writes locks by the clock of the process. A process with a fast clock that died would lock its jobs too long.
 */
const HEAL_LOCKS = `update job set locked_until_ms = ${NOW_MS} where locked_until_ms > ${NOW_MS} + $1::bigint`;
/** Until the time of this mark, no process checks for stalled jobs. */
const HEAL_MARKS = `delete from meta where field = 'stalled-check' and value::bigint > ${NOW_MS} + $1::bigint`;

/** Makes each later query of the client wait for the query before it. */
const serialiseQueries = (client: PoolClient): void => {
  const query: (sql: string, values?: unknown[]) => Promise<unknown> = client.query.bind(client);
  let last: Promise<unknown> = Promise.resolve();
  const queryAfterLast = (sql: string, values?: unknown[]): Promise<unknown> => {
    const answer = last.then(() => query(sql, values));
    last = answer.catch(() => undefined);
    return answer;
  };
  Object.defineProperty(client, 'query', { value: queryAfterLast });
};

const connectionOn = (pool: Pool): PostgresConnection => {
  const connection = new PostgresConnection(pool as unknown as PostgresConnectionOptions).setMaxListeners(0);
  const getListenClient = connection.getListenClient.bind(connection);
  const serialised = new WeakSet<object>();
  return Object.defineProperties(connection, {
    // All workers share one client and send queries over it at the same time, but `pg` expects one query at a time.
    getListenClient: {
      value: async () => {
        const client = (await getListenClient()) as unknown as PoolClient;
        if (!serialised.has(client)) serialiseQueries(client);
        serialised.add(client);
        return client;
      },
    },
    // BullMQ checks once that its tables exist, and never again after a failure. Here, the migrations ensure that.
    waitUntilReady: { value: () => Promise.resolve() },
    // When `isClosing` is set, BullMQ never answers a query, and a worker that waits for the answer keeps its timers.
    isClosing: { value: undefined },
  });
};

/**
 * Jobs in PostgreSQL. All queues and workers of the process share one pool and one listening connection; by default,
 * BullMQ opens a pool for each of them.
 */
export const createPostgresTransport = ({ url, max, onError }: PostgresTransportOptions): Transport => {
  let opened: { connection: PostgresConnection; pool: Pool } | undefined;

  const open = () => {
    if (opened) return opened;
    const pool = createPool({
      url,
      max,
      applicationName: 'tenantry-jobs',
      statementTimeoutMs: 5_000,
      answerTimeoutMs: 6_000,
      connectionTimeoutMs: 5_000,
      settings: { search_path: JOBS_SCHEMA },
      onError,
    });
    // Every worker adds listeners to the one listening connection.
    pool.on('connect', (client) => client.setMaxListeners(0));
    const connection = connectionOn(pool);
    opened = { connection, pool };
    return opened;
  };

  const backend: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions> = (name, options) => {
    const { connection } = open();
    const queueBackend = new PostgresQueueBackend(connection, name, options, false);
    // A backend with a shared connection does not notice that the listening connection was replaced: it must wait
    // again.
    connection.on('listenerinvalidated', () => {
      if (!queueBackend.closing) void queueBackend.disconnectBlocking().then(() => queueBackend.reconnectBlocking());
    });
    return queueBackend;
  };

  // The types of queues and workers contain their backend, which is not used outside of this file.
  return {
    queue: (name, options) => new Queue(name, { ...options, connection: {} }, backend) as unknown as Queue,
    worker: (name, process, options) =>
      new Worker(name, process, { ...options, connection: {} }, backend) as unknown as Worker,
    names: async () => {
      const { rows } = await withClient(open().pool, (client) =>
        client.query<{ queue: string }>('select distinct queue from meta'),
      );
      return rows.map((it) => it.queue);
    },
    heal: async () => {
      await withClient(open().pool, async (client) => {
        await client.query(HEAL_LOCKS, [IMPOSSIBLE_MS]);
        await client.query(HEAL_MARKS, [IMPOSSIBLE_MS]);
      });
    },
    close: async () => {
      await opened?.connection.close();
      await opened?.pool.end();
    },
  };
};
