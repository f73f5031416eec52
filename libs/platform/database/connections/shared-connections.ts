import type { Pool, PoolClient } from 'pg';
import { borrow, giveBack } from './lending';
import { isConnectionSuspect } from './pools';

/** A connection that several queries have at a time. The server answers them in the order in which they were sent. */
interface Partition {
  readonly client: Promise<PoolClient>;
  /** `performance.now()` when it was borrowed. */
  readonly opened: number;
  /** The same when each query that is not answered came, the oldest first. */
  readonly since: number[];
  /** What says that it may no longer be clean, and `performance.now()` when the query came that was not answered. */
  broken?: { readonly error: unknown; readonly sentAt: number };
}

/** Queries on one connection, while another may be opened. */
const DEPTH = 16;
/** ms. Nobody joins a connection whose oldest query takes longer, while another may be opened. */
const SLOW_MS = 50;
/** ms. Then it goes back to the pool, where others may wait for one of their own. */
const HELD_MS = 1_000;

/** The parts of pg's client that its types do not tell. */
type Inside = { readonly connection: { readonly stream: { cork(): void; uncork(): void } } };

/**
 * Lends each connection of a pool to several queries at a time, if the pool is one of `pipeline`: they are sent without
 * waiting for the answers to those before, and all that were asked within one turn of the event loop go out in one write.
 * For both sides, waking up costs more than a short query does.
 *
 * Only for single statements that are quick. One that fails fails alone; one that loses the connection takes the others
 * along.
 */
export const createSharedConnections = (pool: Pool) => {
  /** Those that may be joined. */
  const partitions = new Set<Partition>();
  const isShared = pool.options.pipeline ?? false;
  /** The other half is for those who need a connection alone. */
  const most = Math.max(1, Math.floor(pool.options.max / 2));
  const corked = new Set<PoolClient>();

  const open = (now: number): Partition => {
    const partition: Partition = { client: borrow(pool), opened: now, since: [] };
    if (isShared) partitions.add(partition);
    return partition;
  };

  const partitionFor = (now: number): Partition => {
    let best: Partition | undefined;
    for (const partition of partitions) {
      const { since, opened } = partition;
      if (now - opened >= HELD_MS) partitions.delete(partition);
      else if (since.length < DEPTH && now - (since[0] ?? now) < SLOW_MS) return partition;
      else if (!best || since.length < best.since.length) best = partition;
    }
    return best && partitions.size >= most ? best : open(now);
  };

  const leave = async (partition: Partition): Promise<void> => {
    partition.since.shift();
    if (partition.since.length > 0) return;
    partitions.delete(partition);
    const client = await partition.client;
    giveBack(client, partition.broken !== undefined, partition.broken?.error, partition.broken?.sentAt);
  };

  /** What is written to it in this turn of the event loop waits for the turn's end. */
  const cork = (client: PoolClient): void => {
    if (corked.has(client)) return;
    const { stream } = (client as unknown as Inside).connection;
    corked.add(client);
    stream.cork();
    setImmediate(() => {
      corked.delete(client);
      stream.uncork();
    });
  };

  /** @param work sends one query at once, and resolves with its answer */
  return async <T>(work: (client: PoolClient) => Promise<T>): Promise<T> => {
    const now = performance.now();
    const partition = partitionFor(now);
    partition.since.push(now);
    let client: PoolClient;
    try {
      client = await partition.client;
    } catch (error) {
      partitions.delete(partition);
      throw error;
    }
    if (isShared) cork(client);
    try {
      return await work(client);
    } catch (error) {
      if (isConnectionSuspect(error)) {
        partition.broken ??= { error, sentAt: partition.since[0] ?? now };
        partitions.delete(partition);
      }
      throw error;
    } finally {
      await leave(partition);
    }
  };
};
