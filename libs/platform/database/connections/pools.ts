import { DatabaseError, Pool, type PoolClient, type QueryConfig } from 'pg';
import { codeOf } from '../../error-code';
import { unwatchConnection, watchConnection } from './dead-connections';
import { borrowConnection, noteConnected, returnConnection } from './lending';
import { LimitedClient } from './limited-client';
import type { Route } from './pooler';
import { UnnamedClient } from './unnamed-client';

/** The URL is the connection URL of one of the database roles. */
export interface PoolOptions extends Route {
  /** The maximum number of connections. */
  readonly max: number;
  /** The name that `pg_stat_activity` shows. */
  readonly applicationName: string;
  /** Milliseconds after which the server ends a statement; 10,000 by default. */
  readonly statementTimeoutMs?: number;
  /**
   * Milliseconds after which the client stops waiting for an answer; by default 2,000 more than `statementTimeoutMs`.
   */
  readonly answerTimeoutMs?: number;
  /** Milliseconds a statement waits for a lock; 5,000 by default. */
  readonly lockTimeoutMs?: number;
  /** Milliseconds that a transaction may be idle before the server ends the connection; 10,000 by default. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Milliseconds to wait for a free or a new connection; 3,000 by default. */
  readonly connectionTimeoutMs?: number;
  /**
   * True: a connection accepts a query while earlier ones are unanswered, see `shared-connections.ts`. False by
   * default.
   */
  readonly pipeline?: boolean;
  /** Settings of PostgreSQL for these connections. The values contain no white space. They are not sent to a pooler. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called for each lost connection, which the pool replaces by itself. */
  readonly onError?: (error: Error) => void;
}

/** Statements here are short and prepared: compiling them costs more than it saves. */
const SETTINGS = { jit: 'off' };

const optionsOf = (settings: Readonly<Record<string, string>>): string =>
  Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');

/** ms without traffic after which the operating system checks that the other end is still there (TCP keep-alive). */
export const KEEP_ALIVE_MS = 10_000;

/** The settings that a pool sends with each login. Behind a pooler, the role's settings apply (`role-settings.ts`). */
const sessionSettingsOf = (options: Omit<PoolOptions, 'url'>): Readonly<Record<string, string>> => ({
  statement_timeout: String(statementTimeoutOf(options)),
  lock_timeout: String(options.lockTimeoutMs ?? 5_000),
  idle_in_transaction_session_timeout: String(options.idleInTransactionTimeoutMs ?? 10_000),
  ...SETTINGS,
  ...options.settings,
});

const sentSettings = new WeakMap<Pool, Readonly<Record<string, string>>>();

/** The settings that a pool sends to PostgreSQL with each login; empty for a pool behind a pooler. */
export const settingsSentBy = (pool: Pool): Readonly<Record<string, string>> => sentSettings.get(pool) ?? {};

const statementTimeoutOf = ({ statementTimeoutMs = 10_000 }: Pick<PoolOptions, 'statementTimeoutMs'>): number =>
  statementTimeoutMs;

/**
 * A pool in which every wait has a deadline. Use {@link withClient} or {@link inTransaction} with it and never
 * `pool.query`, which closes its connection after any error, even after a unique violation; a new one costs about 10
 * ms.
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
    Client: options.pooler === 'unnamed-statements' ? UnnamedClient : LimitedClient,
    // A pooler refuses or ignores start-up parameters.
    ...(options.pooler === undefined && { options: optionsOf(sessionSettingsOf(options)) }),
  });
  // Behind a pooler, the process id of a session is unknown, so `watchConnection` cannot query the state of the
  // session.
  if (options.pooler === undefined) {
    sentSettings.set(pool, sessionSettingsOf(options));
    pool.on('acquire', (client) => watchConnection(client, pool));
    pool.on('release', (_, client) => unwatchConnection(client));
  }
  const report = (error: Error & { client?: unknown }): void => {
    // The pool attaches the whole connection to the error, with the key that cancels its queries: it must not be
    // logged.
    delete error.client;
    // `end` resolves before the last connections are closed; errors of these connections do not matter.
    if (!pool.ending) options.onError?.(error);
  };
  // The pool handles errors only of idle connections. Without a listener on each connection, one that is lost between
  // two queries of its borrower would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    noteConnected(client);
    client.on('error', report);
  });
  return pool;
};

/**
 * Calls `work` with a borrowed connection. The connection returns to the pool, or is closed if `work` throws an error
 * after which it may not be clean ({@link isConnectionSuspect}).
 * @throws the error of `work`, or that no connection was available in time
 */
export const withClient = async <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> => {
  const client = await borrowConnection(pool);
  let failure: unknown;
  try {
    return await work(client);
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    returnConnection(client, failure !== undefined && isConnectionSuspect(failure), failure);
  }
};

/**
 * {@link withClient} in a transaction, which is committed if `work` resolves and rolled back if it throws.
 * @throws the error of `work` or of the commit
 */
export const inTransaction = async <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> => {
  const client = await borrowConnection(pool);
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
    returnConnection(client, broken, failure);
  }
};

/** The query with its own deadline at the client, in ms, in place of the pool's `answerTimeoutMs`. */
export const withQueryTimeout = (ms: number, query: QueryConfig): QueryConfig =>
  Object.assign(query, { query_timeout: ms });

/**
 * True if the connection is lost, a statement on it timed out, or its session is unusable. False if the server answered
 * with an error about the statement itself, or if the error is the borrower's own: then the connection can be lent
 * again.
 */
export const isConnectionSuspect = (error: unknown): boolean => {
  if (!(error instanceof DatabaseError)) return isConnectionError(error);
  const code = error.code ?? '';
  // 08 connection, 25P0x idle transaction, 25006 a primary that became a replica, 26000 an unknown prepared statement,
  // 57 canceled or shut down, 53 no resources, 58 and XX faults of the server itself
  if (/^(08|25P0|25006|26000|57|53|58|XX)/.test(code)) return true;
  // A prepared statement fails for ever on its connection after its table was replaced by one with other columns.
  return code === '0A000' && /cached plan/.test(error.message);
};

/** True for errors of the socket and of `pg` itself; false for errors of the borrower's code. */
const isConnectionError = (error: unknown): boolean =>
  /^E[A-Z]+$/.test(codeOf(error) ?? '') ||
  /^(Query read timeout|Connection terminated|Client has encountered a connection error|timeout exc)/.test(
    error instanceof Error ? error.message : String(error),
  );
