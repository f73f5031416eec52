import { DatabaseError, Pool, type PoolClient, type QueryConfig } from 'pg';
import { codeOf } from '../error-code';
import { borrow, giveBack, noteConnected } from './lending';

export interface PoolOptions {
  /** One of the roles' URLs. */
  readonly url: string;
  /** Connections at most. */
  readonly max: number;
  /** What `pg_stat_activity` shows. */
  readonly applicationName: string;
  /** Milliseconds; 10,000 unless given. The server ends the statement. */
  readonly statementTimeoutMs?: number;
  /** Milliseconds after which an answer is not waited for any more; 2,000 beyond the statement's unless given. */
  readonly answerTimeoutMs?: number;
  /** Milliseconds a statement waits for a lock; 5,000 unless given. */
  readonly lockTimeoutMs?: number;
  /** Milliseconds a transaction may stand still; 10,000 unless given. The server ends the connection. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Milliseconds for a connection to be had, from the pool or anew; 3,000 unless given. */
  readonly connectionTimeoutMs?: number;
  /** Its connections take a query before they have answered the one before: see `shared-connections.ts`. False unless given. */
  readonly pipeline?: boolean;
  /** Settings of the server for these connections. Values hold no white space. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told of connections that were lost. The pool replaces them by itself. */
  readonly onError?: (error: Error) => void;
}

/** Statements here are short and prepared: compiling them costs more than it saves. */
const SETTINGS = { jit: 'off' };

const optionsOf = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');

/**
 * A pool whose every wait is bounded. Use {@link withClient} or {@link inTransaction} on it: `pool.query` drops its
 * connection on any error, a plain unique violation included, and a new one costs about 10 ms.
 */
export const createPool = (options: PoolOptions): Pool => {
  const statementTimeout = options.statementTimeoutMs ?? 10_000;
  const pool = new Pool({
    connectionString: options.url,
    max: options.max,
    application_name: options.applicationName,
    statement_timeout: statementTimeout,
    // The client's own deadline, for a server that no longer answers at all.
    query_timeout: options.answerTimeoutMs ?? statementTimeout + 2_000,
    lock_timeout: options.lockTimeoutMs ?? 5_000,
    idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs ?? 10_000,
    connectionTimeoutMillis: options.connectionTimeoutMs ?? 3_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    pipeline: options.pipeline ?? false,
    options: optionsOf({ ...SETTINGS, ...options.settings }),
  });
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
  // 08 connection, 25P0x idle transaction, 25006 a primary that became a replica, 57 cancelled or shut down, 53 no
  // resources, 58 and XX the server's own faults
  return /^(08|25P0|25006|57|53|58|XX)/.test(code);
};

/** Errors of `pg` itself and of the socket; an error of the borrower's own code is none. */
const looksLikeConnection = (error: unknown): boolean =>
  /^E[A-Z]+$/.test(codeOf(error) ?? '') ||
  /^(Query read timeout|Connection terminated|Client has encountered a connection error|timeout exc)/.test(
    error instanceof Error ? error.message : String(error),
  );
