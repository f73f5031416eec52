import { EventStoreDBClient } from '@eventstore/db-client';
import type { CallOptions, Channel, Client as GrpcClient, Metadata } from '@grpc/grpc-js';
import { sleep } from '../../platform/backoff';

/**
 * What the client's own commands are built from. Its types call these members `protected`; the version is pinned, and
 * the specs of this folder would fail on any other that lacks them.
 */
interface Internals {
  GRPCStreamCreator<C extends GrpcClient, S>(
    Client: new (...args: never[]) => C,
    name: string,
    create: (client: C) => S,
  ): () => Promise<S>;
  execute<C extends GrpcClient, T>(
    Client: new (...args: never[]) => C,
    name: string,
    action: (client: C) => Promise<T>,
  ): Promise<T>;
  callArguments(options: { requiresLeader?: boolean; deadline?: number }, call?: CallOptions): [Metadata, CallOptions];
  getChannel(): Promise<Channel>;
}

export const internalsOf = (client: EventStoreDBClient): Internals => client as unknown as Internals;

/** ms for the client to end its calls. */
const DISPOSE_MS = 1_000;

export const connect = (connectionString: string): EventStoreDBClient =>
  EventStoreDBClient.connectionString(connectionString);

/** Ends every call and lets go of the connection, which `dispose` alone would keep. */
export const disconnect = async (client: EventStoreDBClient): Promise<void> => {
  const disposed = new AbortController();
  const ended = client.dispose().finally(() => disposed.abort());
  await Promise.race([ended, sleep(DISPOSE_MS, disposed.signal)]);
  const channel = await internalsOf(client)
    .getChannel()
    .catch(() => undefined);
  channel?.close();
};
