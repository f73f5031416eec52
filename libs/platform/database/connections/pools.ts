import { DatabaseError, Pool, type PoolClient, type QueryConfig } from 'pg';
import { codeOf } from '../../error-code';
import { unwatchConnection, watchConnection } from './dead-connections';
import { borrow, giveBack, noteConnected } from './lending';
import type { Route } from './pooler';
import { UnnamedClient } from './unnamed-client';

/** The route's URL is one of the roles'. */
export interface PoolOptions extends Route {
  /** Connections at most. */
  readonly max: number;
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string;
  /** Milliseconds; 10,000 by default. The server ends the statement. */
  readonly statementTimeoutMs?: number;
  /** Milliseconds after which an answer is not waited for any more; 2,000 beyond the statement's by default. */
  readonly answerTimeoutMs?: number;
  /** Milliseconds a statement waits for a lock; 5,000 by default. */
  readonly lockTimeoutMs?: number;
  /** Milliseconds that a transaction may be idle; 10,000 by default. The server ends the connection. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Milliseconds for a connection to be had, from the pool or again; 3,000 by default. */
  readonly connectionTimeoutMs?: number;
  /** Its connections take a query before they have answered the one before: see `shared-connections.ts`. False by default. */
  readonly pipeline?: boolean;
  /** Settings of the server for these connections. Values hold no white space. Not sent to a pooler. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called for each lost connection. The pool replaces it by itself. */
  readonly onError?: (error: Error) => void;
}

/** Statements here are short and prepared: compiling them costs more than it saves. */
const SETTINGS = { jit: 'off' };

const optionsOf = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');

/** ms of silence after which the system's network asks whether the other end is still there. */
export const KEEP_ALIVE_MS = 10_000;

/** What PostgreSQL's sessions are set to by the pool itself. Behind a pooler it is what the role has, see `role-settings.ts`. */
const sessionSettingsOf = (options: Omit<PoolOptions, 'url'>): Readonly<Record<string, string>> => ({
  statement_timeout: String(statementTimeoutOf(options)),
  lock_timeout: String(options.lockTimeoutMs ?? 5_000),
  idle_in_transaction_session_timeout: String(options.idleInTransactionTimeoutMs ?? 10_000),
  ...SETTINGS,
  ...options.settings,
});

const sentSettings = new WeakMap<Pool, Readonly<Record<string, string>>>();

/** The settings that a pool sends to PostgreSQL with each login; none over a pooler. */
export const settingsSentBy = (pool: Pool): Readonly<Record<string, string>> => sentSettings.get(pool) ?? {};

const statementTimeoutOf = ({ statementTimeoutMs = 10_000 }: Pick<PoolOptions, 'statementTimeoutMs'>): number =>
  statementTimeoutMs;

/**
 * A pool whose every wait is bounded. Use {@link withClient} or {@link inTransaction} on it: `pool.query` drops its
 * connection on any error, a plain unique violation included, and a new one costs about 10 ms.
 */
export const createPool = (options: PoolOptions): Pool => {
  const pool = new Pool({
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName,
    // The client's own deadline, for a server that no longer answers at all.
    query_timeout: options.answerTimeoutMs ?? statementTimeoutOf(options) + 2_000,
    connectionTimeoutMillis: options.connectionTimeoutMs ?? 3_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    pipeline: options.pipeline ?? false,
    ...(options.pooler === 'unnamed-statements' && { Client: UnnamedClient }),
    // A pooler refuses start-up parameters, or ignores them.
    ...(options.pooler === undefined && { options: optionsOf(sessionSettingsOf(options)) }),
  });
  // Over a pooler the number of a session is not known, and the server can't be asked for it.
  if (options.pooler === undefined) {
    sentSettings.set(pool, sessionSettingsOf(options));
    pool.on('acquire', (client) => watchConnection(client, pool));
    pool.on('release', (_, client) => unwatchConnection(client));
  }
  const report = (error: Error & { client?: unknown }): void => {
    // The pool hangs the whole connection on it, with the key that cancels its queries: nothing for a log.
    delete error.client;
    // `end` resolves before the last connections are closed; what becomes of them is nobody's worry.
    if (!pool.ending) options.onError?.(error);
  };
  // The pool tells of a connection only while it is idle; one that is lost in a borrower's hands, between two queries,
  // would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    noteConnected(client);
    client.on('error', report);
  });
  return pool;
};

/** Lends a connection. It goes back to the pool, unless an error says that it may no longer be clean. */
export const withClient = async <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> => {
  const client = await borrow(pool);
  let failure: unknown;
  try {
    return await work(client);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    giveBack(client, failure !== undefined && isConnectionSuspect(failure), failure);
  }
};

/** {@link withClient} in a transaction: committed if `work` resolves, else rolled back. */
export const inTransaction = async <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> => {
  const client = await borrow(pool);
  let failure: unknown;
  let broken = false;
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    failure = error;
    broken = isConnectionSuspect(error);
    if (!broken) {
      await client.query('rollback').catch(() => {
        broken = true;
      });
    }
    throw error;
  } finally {
    giveBack(client, broken, failure);
  }
};

/** The query with a deadline of its own at the client's side, in ms, in place of its pool's. */
export const within = (ms: number, query: QueryConfig): QueryConfig => Object.assign(query, { query_timeout: ms });

/**
 * True where the connection is lost or a statement on it timed out: only an error that the server answered about the
 * statement itself leaves a connection that another request may have.
 */
export const isConnectionSuspect = (error: unknown): boolean => {
  if (!(error instanceof DatabaseError)) return looksLikeConnection(error);
  const code = error.code ?? '';
  // 08 connection, 25P0x idle transaction, 25006 a primary that became a replica, 26000 a prepared statement that is not
  // there, 57 cancelled or shut down, 53 no resources, 58 and XX the server's own faults
  if (/^(08|25P0|25006|26000|57|53|58|XX)/.test(code)) return true;
  // A prepared statement of a table that was replaced by one of other columns stays useless on its connection.
  return code === '0A000' && /cached plan/.test(error.message);
};

/** Errors of `pg` itself and of the socket; an error of the borrower's own code is none. */
const looksLikeConnection = (error: unknown): boolean =>
  /^E[A-Z]+$/.test(codeOf(error) ?? '') ||
  /^(Query read timeout|Connection terminated|Client has encountered a connection error|timeout exc)/.test(
    error instanceof Error ? error.message : String(error),
  );
