import { Client, type Pool, type PoolClient } from 'pg';

/** Parts of pg's client that its types do not declare. */
interface ClientInternals {
  /** False from the moment a query is sent until the server has answered all of it. */
  readonly readyForQuery: boolean;
  readonly connection: {
    readonly stream: { readonly bytesRead: number; readonly bytesWritten: number; destroy(error: Error): void };
  };
}

interface LentConnection {
  readonly pool: Pool;
  /** Bytes in both directions at the last inspection. */
  traffic: number;
}

/** ms between two inspections. A connection is silent if it waits for an answer and had no traffic in that time. */
const INSPECT_MS = 1_000;
/** ms for connecting to the server, and ms for its answer, when a silent connection is checked. */
const CHECK_MS = 1_000;

/** The network has lost the connection without an error on either side. */
class ConnectionSilent extends Error {
  override readonly name = 'ConnectionSilent';
  readonly code = 'ETIMEDOUT';
  override readonly message = 'the server waits for a query on a connection that waits for an answer';
}

/**
 * Finds the sessions that have waited for a query for as long as this process has waited for an answer. Process ids
 * that the server does not know are not returned: behind a pooler that was not recognised, they mean nothing.
 */
const WAITING = `
  select pid from pg_stat_activity
   where pid = any($1) and state like 'idle%' and state_change < clock_timestamp() - interval '${INSPECT_MS * 0.9} ms'`;

const lentConnections = new Map<PoolClient, LentConnection>();
const poolsInCheck = new Set<Pool>();
let inspections: NodeJS.Timeout | undefined;

const internalsOf = (client: PoolClient): ClientInternals => client as unknown as ClientInternals;

const trafficOf = (client: PoolClient): number => {
  const { bytesRead, bytesWritten } = internalsOf(client).connection.stream;
  return bytesRead + bytesWritten;
};

const isSilent = (client: PoolClient, { traffic }: LentConnection): boolean =>
  !internalsOf(client).readyForQuery && trafficOf(client) === traffic;

/** @throws if the server does not answer over a new connection either: then nothing is known about the silent ones */
const waitingSessions = async (pool: Pool, pids: readonly number[]): Promise<Set<number>> => {
  const client = new Client({
    ...pool.options,
    ...{ pipeline: false, connectionTimeoutMillis: CHECK_MS, query_timeout: CHECK_MS },
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ pid: number }>(WAITING, [pids]);
    return new Set(rows.map(({ pid }) => pid));
  } finally {
    client.end().catch(() => undefined);
  }
};

const closeDead = async (pool: Pool, silent: ReadonlyMap<number, PoolClient>): Promise<void> => {
  poolsInCheck.add(pool);
  try {
    for (const pid of await waitingSessions(pool, [...silent.keys()])) {
      const client = silent.get(pid);
      const lent = client && lentConnections.get(client);
      // An answer may have arrived during the check, or may have been unread while this process was busy.
      if (client && lent && isSilent(client, lent)) {
        internalsOf(client).connection.stream.destroy(new ConnectionSilent());
      }
    }
  } catch {
    // The deadline of each query remains.
  } finally {
    poolsInCheck.delete(pool);
  }
};

const inspect = (): void => {
  if (lentConnections.size === 0) {
    clearInterval(inspections);
    inspections = undefined;
    return;
  }
  const silent = new Map<Pool, Map<number, PoolClient>>();
  for (const [client, lent] of lentConnections) {
    if (isSilent(client, lent)) {
      const { processID } = client as unknown as { readonly processID: number };
      const ofPool = silent.get(lent.pool) ?? new Map<number, PoolClient>();
      silent.set(lent.pool, ofPool.set(processID, client));
    }
    lent.traffic = trafficOf(client);
  }
  for (const [pool, clients] of silent) if (!poolsInCheck.has(pool)) void closeDead(pool, clients);
};

/**
 * Watches a lent connection for a loss without an error, for example because a firewall has dropped it. At this end, a
 * lost connection and a slow query are both silent. So the server is queried, over a new connection, whether the
 * session waits for a query. If it does, the answer that this process waits for will never arrive: the connection is
 * closed, and its borrower gets an error after about two seconds. The deadline of a query is longer, because a
 * statement may be slow.
 */
export const watchConnection = (client: PoolClient, pool: Pool): void => {
  // Another implementation of the client (such as pg-native) has other internals.
  if (!(client instanceof Client)) return;
  lentConnections.set(client, { pool, traffic: -1 });
  inspections ??= setInterval(inspect, INSPECT_MS).unref();
};

/** Ends the watch of {@link watchConnection}, when the connection returns to its pool. */
export const unwatchConnection = (client: PoolClient): void => {
  lentConnections.delete(client);
};
