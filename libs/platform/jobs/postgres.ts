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
  /** Connections at most: one listens, the others are lent for a statement each. */
  readonly max: number;
  readonly onError: (error: Error) => void;
}

/** ms by which no lock of a job, and no mark of a look for stalled jobs, can be ahead of the database's clock. */
const IMPOSSIBLE_MS = 120_000;
const NOW_MS = '(extract(epoch from clock_timestamp()) * 1000)::bigint';
/** BullMQ writes them by the clock of the process: one that was ahead and died would keep its jobs until then. */
const HEAL_LOCKS = `update job set locked_until_ms = ${NOW_MS} where locked_until_ms > ${NOW_MS} + $1::bigint`;
/** And nobody would look for stalled jobs until then. */
const HEAL_MARKS = `delete from meta where field = 'stalled-check' and value::bigint > ${NOW_MS} + $1::bigint`;

/** From now on each query of the client waits for the one before. */
const queryInTurn = (client: PoolClient): void => {
  const query: (sql: string, values?: unknown[]) => Promise<unknown> = client.query.bind(client);
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (sql: string, values?: unknown[]): Promise<unknown> => {
    const answer = last.then(() => query(sql, values));
    last = answer.catch(() => undefined);
    return answer;
  };
  Object.defineProperty(client, 'query', { value: inTurn });
};

const connectionOn = (pool: Pool): PostgresConnection => {
  const connection = new PostgresConnection(pool as unknown as PostgresConnectionOptions).setMaxListeners(0);
  const listening = connection.getListenClient.bind(connection);
  const prepared = new WeakSet<object>();
  return Object.defineProperties(connection, {
    // Every worker names and subscribes the one client that they share, all at once, and `pg` wants one query at a time.
    getListenClient: {
      value: async () => {
        const client = (await listening()) as unknown as PoolClient;
        if (!prepared.has(client)) queryInTurn(client);
        prepared.add(client);
        return client;
      },
    },
    // It looks once whether its tables are there, and remembers for ever if it could not; ours are migrated.
    waitUntilReady: { value: () => Promise.resolve() },
    // It never answers a query that comes after the end, and a worker that waits for the answer keeps its timers.
    isClosing: { value: undefined },
  });
};

/**
 * Jobs in PostgreSQL. All queues and workers of the process share one pool and one connection that listens, where
 * BullMQ by itself opens a pool for each.
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
    // Every worker waits on the one connection that listens.
    pool.on('connect', (client) => client.setMaxListeners(0));
    const connection = connectionOn(pool);
    opened = { connection, pool };
    return opened;
  };

  const backend: BackendFactory<PostgresQueueBackend, PostgresConnectionOptions> = (name, options) => {
    const { connection } = open();
    const made = new PostgresQueueBackend(connection, name, options, false);
    // A backend that shares its connection does not notice that another one listens now: its wait begins again.
    connection.on('listenerinvalidated', () => {
      if (!made.closing) void made.disconnectBlocking().then(() => made.reconnectBlocking());
    });
    return made;
  };

  // The types of a queue name its backend; no one here asks for it.
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
