import type { Pool, PoolClient } from 'pg';
import { borrowConnection, returnConnection } from './lending';
import { isConnectionSuspect } from './pools';

/**
 * A connection that several queries use at the same time. The server answers them in the order in which they were sent.
 */
interface SharedConnection {
  readonly client: Promise<PoolClient>;
  /** `performance.now()` when the connection was borrowed. */
  readonly borrowedAt: number;
  /** `performance.now()` when each unanswered query was sent, the oldest first. */
  readonly unanswered: number[];
  /**
   * The error after which the connection may not be clean, and `performance.now()` when the unanswered query was sent.
   */
  broken?: { readonly error: unknown; readonly sentAt: number };
}

/** Unanswered queries on one connection, as long as another connection may be opened. */
const DEPTH = 16;
/**
 * ms. A connection whose oldest query takes longer gets no more queries, as long as another connection may be opened.
 */
const SLOW_MS = 50;
/** ms after which a connection gets no more queries, so that it returns to the pool: other borrowers may wait there. */
const BORROWED_MS = 1_000;

/** Parts of pg's client that its types do not declare. */
type ClientInternals = { readonly connection: { readonly stream: { cork(): void; uncork(): void } } };

/**
 * Lends each connection of a pool to several queries at the same time, if the pool has the option `pipeline`. A query
 * is sent without waiting for the answers to earlier ones, and all queries of one turn of the event loop are sent in
 * one write: for client and server, waking up costs more than a short query.
 *
 * Only for single, quick statements. A statement that fails does not affect the others on its connection, but if the
 * connection is lost, all of them fail.
 */
export const createSharedConnections = (pool: Pool) => {
  /** The connections that accept more queries. */
  const connections = new Set<SharedConnection>();
  const isShared = pool.options.pipeline ?? false;
  /** The other half of the pool is for borrowers that need a connection alone. */
  const maxShared = Math.max(1, Math.floor(pool.options.max / 2));
  const corked = new Set<PoolClient>();

  const open = (now: number): SharedConnection => {
    const connection: SharedConnection = { client: borrowConnection(pool), borrowedAt: now, unanswered: [] };
    if (isShared) connections.add(connection);
    return connection;
  };

  const connectionFor = (now: number): SharedConnection => {
    let best: SharedConnection | undefined;
    for (const connection of connections) {
      const { unanswered, borrowedAt } = connection;
      if (now - borrowedAt >= BORROWED_MS) connections.delete(connection);
      else if (unanswered.length < DEPTH && now - (unanswered[0] ?? now) < SLOW_MS) return connection;
      else if (!best || unanswered.length < best.unanswered.length) best = connection;
    }
    return best && connections.size >= maxShared ? best : open(now);
  };

  const leave = async (connection: SharedConnection): Promise<void> => {
    connection.unanswered.shift();
    if (connection.unanswered.length > 0) return;
    connections.delete(connection);
    const client = await connection.client;
    returnConnection(client, connection.broken !== undefined, connection.broken?.error, connection.broken?.sentAt);
  };

  /** Delays everything that is written to the connection in this turn of the event loop until the end of the turn. */
  const cork = (client: PoolClient): void => {
    if (corked.has(client)) return;
    const { stream } = (client as unknown as ClientInternals).connection;
    corked.add(client);
    stream.cork();
    setImmediate(() => {
      corked.delete(client);
      stream.uncork();
    });
  };

  /** @param work sends exactly one query, without waiting for anything first, and resolves with its answer */
  return async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const now = performance.now();
    const connection = connectionFor(now);
    connection.unanswered.push(now);
    let client: PoolClient;
    try {
      client = await connection.client;
    } catch (error) {
      connections.delete(connection);
      throw error;
    }
    if (isShared) cork(client);
    try {
      return await work(client);
    } catch (error) {
      if (isConnectionSuspect(error)) {
        connection.broken ??= { error, sentAt: connection.unanswered[0] ?? now };
        connections.delete(connection);
      }
      throw error;
    } finally {
      await leave(connection);
    }
  };
};
