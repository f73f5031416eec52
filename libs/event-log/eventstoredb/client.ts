import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { EventStoreDBClient, UnavailableError } from '@eventstore/db-client';
import type { CallOptions, Channel, Client as GrpcClient, Metadata, ServiceError } from '@grpc/grpc-js';
import { sleep } from '#platform/loops/backoff';
import { GRPC, InvalidConnectionString } from './errors';

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
  shouldReconnect(error: Error): [boolean, unknown?];
  handleError(client: { getChannel(): unknown }, error: Error): Promise<void>;
}

export const internalsOf = (client: EventStoreDBClient): Internals => client as unknown as Internals;

/** ms for the client to end its calls. */
const DISPOSE_MS = 1_000;

/**
 * What the connection string does not set. The client sends a keep-alive into each connection that has calls, also into
 * one that it has left; 10 s is the shortest interval that it takes without a warning. A node that does not say who leads
 * within 2 s is passed over for another one.
 */
const DEFAULTS = { keepAliveInterval: '10000', keepAliveTimeout: '5000', gossipTimeout: '2' } as const;

const FILES = ['tlsCAFile', 'userCertFile', 'userKeyFile'];

const optionsOf = (connectionString: string): URLSearchParams =>
  new URLSearchParams(connectionString.split('?').slice(1).join('&'));

/** The client reads the names of options without regard to case, `_` and `-`. */
const flat = (name: string): string => name.toLowerCase().replace(/[_-]/g, '');

const withDefaults = (connectionString: string): string => {
  const given = new Set([...optionsOf(connectionString).keys()].map(flat));
  const added = Object.entries(DEFAULTS).filter(([name]) => !given.has(flat(name)));
  if (added.length === 0) return connectionString;
  const options = added.map(([name, value]) => `${name}=${value}`).join('&');
  return `${connectionString.replace(/\/+$/, '')}${connectionString.includes('?') ? '&' : '?'}${options}`;
};

/** The client says of a missing file neither which option names it nor where it looked. */
const requireFiles = (connectionString: string): void => {
  for (const [name, path] of optionsOf(connectionString)) {
    const option = FILES.find((file) => flat(file) === flat(name));
    const file = isAbsolute(path) ? path : resolve(path);
    if (option && !existsSync(file)) {
      throw new InvalidConnectionString(
        `the file that ${option} names does not exist: ${file}; correct the path in EVENTSTORE_URL, or put the file there`,
      );
    }
  }
};

/**
 * @param onLeft called with each connection that the client has left, so that what still runs on it can be ended
 * @throws InvalidConnectionString
 */
export const connect = (connectionString: string, onLeft: (channel: Channel) => void): EventStoreDBClient => {
  requireFiles(connectionString);
  const client = create(withDefaults(connectionString));
  const internals = internalsOf(client);
  const { handleError } = internals;
  // The client calls this without awaiting it. It rejects where a search for the leader, which some other call has begun,
  // finds none: that call gets the error, and here nobody is left to take it, which would end the process.
  internals.handleError = async (grpcClient, error) => {
    const channel = grpcClient.getChannel() as Channel;
    await handleError(grpcClient, error).catch(() => undefined);
    if (leaves(internals, error)) onLeft(channel);
  };
  return client;
};

const create = (connectionString: string): EventStoreDBClient => {
  try {
    return EventStoreDBClient.connectionString(connectionString);
  } catch (error) {
    // The client quotes what it could not read, which may be a part of the password.
    const said = (error instanceof Error ? error.message : String(error)).replace(/".*?"/gs, 'text');
    throw new InvalidConnectionString(`EVENTSTORE_URL cannot be used: ${said}`, { cause: error });
  }
};

const leaves = (internals: Internals, error: Error): boolean => {
  try {
    return internals.shouldReconnect(error)[0];
  } catch {
    return false;
  }
};

/**
 * Leaves the node of this connection, unless the client has left it already: the next call looks for the leader, and
 * asks this node last.
 */
export const leave = async (client: EventStoreDBClient, channel: Channel, reason: string): Promise<void> => {
  const gone = Object.assign(new Error(reason), { code: GRPC.unavailable, details: reason }) as ServiceError;
  await internalsOf(client).handleError({ getChannel: () => channel }, new UnavailableError(gone));
};

/** Ends every call and closes the connection, which `dispose` alone would keep. */
export const disconnect = async (client: EventStoreDBClient): Promise<void> => {
  const disposed = new AbortController();
  const ended = client.dispose().finally(() => disposed.abort());
  await Promise.race([ended, sleep(DISPOSE_MS, disposed.signal)]);
  const channel = await internalsOf(client)
    .getChannel()
    .catch(() => undefined);
  channel?.close();
};
