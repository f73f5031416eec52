import type { Pool, PoolClient } from 'pg';
import { borrowConnection, returnConnection } from '#platform/database/connections/lending';
import type { Route } from '#platform/database/connections/pooler';
import { createPool } from '#platform/database/connections/pools';
import { BatchFailed } from './append/append-queue';
import { batchFailure, isConnectionUsable, unavailable } from './failures';

/** Options of a pool that connects as the database role of the log. */
export interface ConnectionOptions extends Route {
  readonly max: number;
  /** ms that the server may spend on one statement. */
  readonly statementTimeoutMs: number;
}

export const createLogPool = ({ url, pooler, max, statementTimeoutMs }: ConnectionOptions, name: string): Pool =>
  createPool({
    url,
    pooler,
    max,
    applicationName: `tenantry-${name}`,
    statementTimeoutMs,
    // Shorter than the statement timeout, so that a lock that is held too long has another error than a slow statement.
    lockTimeoutMs: Math.floor(statementTimeoutMs * 0.8),
    connectionTimeoutMs: 2_000,
  });

/** Lends a connection to `work` and wraps its errors. A connection that may be broken after an error is destroyed. */
const runOnClient = async <T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  wrap: (error: unknown) => Error,
): Promise<T> => {
  let client: PoolClient;
  try {
    client = await borrowConnection(pool);
  } catch (error) {
    throw wrap(new BatchFailed('unsent', error));
  }
  let failure: unknown;
  try {
    return await work(client);
  } catch (error) {
    failure = error;
    throw wrap(error);
  } finally {
    returnConnection(client, failure !== undefined && !isConnectionUsable(failure), failure);
  }
};

/** Runs a statement that appends. @throws BatchFailed */
export const runWrite = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  runOnClient(pool, work, (error) => (error instanceof BatchFailed ? error : batchFailure(error)));

/** Runs statements that read. @throws LogUnavailable for any error */
export const runRead = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  runOnClient(pool, work, unavailable);
