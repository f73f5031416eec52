import { Client, type Pool, type PoolClient } from 'pg';

/** The parts of pg's client that its types do not tell. */
interface Inside {
  /** False from when it sent a query until the server has answered all of it. */
  readonly readyForQuery: boolean;
  readonly connection: {
    readonly stream: { readonly bytesRead: number; readonly bytesWritten: number; destroy(error: Error): void };
  };
}

interface Lent {
  readonly pool: Pool;
  /** Bytes that had passed in both directions at the last look. */
  traffic: number;
}

/** ms between two looks. One during which nothing has passed while an answer is awaited is silence. */
const LOOK_MS = 1_000;
/** ms for each step of asking the server. */
const ASK_MS = 1_000;

/** The network has lost the connection without an error on either side. */
class ConnectionSilent extends Error {
  override readonly name = 'ConnectionSilent';
  readonly code = 'ETIMEDOUT';
  override readonly message = 'the server waits for a query on a connection that waits for an answer';
}

/**
 * Sessions that have been waiting for a query for as long as we for an answer. One that it does not know is not told of:
 * behind a pooler in between, our number of it says nothing.
 */
const WAITING = `
  select pid from pg_stat_activity
   where pid = any($1) and state like 'idle%' and state_change < clock_timestamp() - interval '${LOOK_MS * 0.9} ms'`;

const lent = new Map<PoolClient, Lent>();
const asking = new Set<Pool>();
let looking: NodeJS.Timeout | undefined;

const inside = (client: PoolClient): Inside => client as unknown as Inside;

const trafficOf = (client: PoolClient): number => {
  const { bytesRead, bytesWritten } = inside(client).connection.stream;
  return bytesRead + bytesWritten;
};

const isSilent = (client: PoolClient, { traffic }: Lent): boolean =>
  !inside(client).readyForQuery && trafficOf(client) === traffic;

/** @throws where the server does not answer over a connection of its own either: then nothing is known of the others. */
const waitingForUs = async (pool: Pool, pids: readonly number[]): Promise<Set<number>> => {
  const client = new Client({
    ...pool.options,
    ...{ pipeline: false, connectionTimeoutMillis: ASK_MS, query_timeout: ASK_MS },
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

const ask = async (pool: Pool, silent: ReadonlyMap<number, PoolClient>): Promise<void> => {
  asking.add(pool);
  try {
    for (const pid of await waitingForUs(pool, [...silent.keys()])) {
      const client = silent.get(pid);
      const as = client && lent.get(client);
      // What came while the server was asked, or lay unread behind other work of this process, is an answer.
      if (client && as && isSilent(client, as)) inside(client).connection.stream.destroy(new ConnectionSilent());
    }
  } catch {
    // Each query has its own deadline.
  } finally {
    asking.delete(pool);
  }
};

const look = (): void => {
  if (lent.size === 0) {
    clearInterval(looking);
    looking = undefined;
    return;
  }
  const silent = new Map<Pool, Map<number, PoolClient>>();
  for (const [client, as] of lent) {
    if (isSilent(client, as)) {
      const { processID } = client as unknown as { readonly processID: number };
      const ofPool = silent.get(as.pool) ?? new Map<number, PoolClient>();
      silent.set(as.pool, ofPool.set(processID, client));
    }
    as.traffic = trafficOf(client);
  }
  for (const [pool, clients] of silent) if (!asking.has(pool)) void ask(pool, clients);
};

/**
 * Watches a lent connection for a loss without an error, for example by a firewall that has forgotten it. A query that takes
 * long looks the same from here; so the server is asked, over a new connection, whether it waits for us. What it waits for
 * will never come: the connection is closed, and its borrower gets an error within about two seconds, where the deadline
 * of a query leaves time for a statement that is slow.
 */
export const watchConnection = (client: PoolClient, pool: Pool): void => {
  // One of another make may not let itself be looked at.
  if (!(client instanceof Client)) return;
  lent.set(client, { pool, traffic: -1 });
  looking ??= setInterval(look, LOOK_MS).unref();
};

export const unwatchConnection = (client: PoolClient): void => {
  lent.delete(client);
};
