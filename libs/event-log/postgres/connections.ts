import type { Pool, PoolClient } from 'pg';
import { borrow, giveBack } from '#platform/database/connections/lending';
import type { Route } from '#platform/database/connections/pooler';
import { createPool } from '#platform/database/connections/pools';
import { BatchFailed } from './append/append-queue';
import { batchFailure, isConnectionUsable, unavailable } from './failures';

/** Connects as the log's own role. */
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
    // Before the statement's own bound, so that a lock that is held too long is distinguished from a slow statement.
    lockTimeoutMs: Math.floor(statementTimeoutMs * 0.8),
    connectionTimeoutMs: 2_000,
  });

/** Runs one statement; a connection that is not known to be well afterwards is destroyed. */
const using = async <T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  wrap: (e: unknown) => Error,
): Promise<T> => {
  let client: PoolClient;
  try {
    client = await borrow(pool);
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
    giveBack(client, failure !== undefined && !isConnectionUsable(failure), failure);
  }
};

/** @throws BatchFailed */
export const writing = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  using(pool, work, (error) => (error instanceof BatchFailed ? error : batchFailure(error)));

/** @throws LogUnavailable */
export const reading = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  using(pool, work, unavailable);
