import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { EventStoreDBClient, UnavailableError } from '@eventstore/db-client';
import type { CallOptions, Channel, Client as GrpcClient, Metadata, ServiceError } from '@grpc/grpc-js';
import { sleep } from '#platform/loops/backoff';
import { GRPC, InvalidConnectionString } from './errors';

/**
 * The members of the client from which its own commands are built. Its types declare them as `protected`. The version
 * of the client is pinned, and the specs of this folder fail with a version that lacks them.
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

/** The longest time in ms that the client may take to end its calls. */
const DISPOSE_MS = 1_000;

/**
 * Options that are added if the connection string does not set them. The client sends keep-alives on each connection
 * with open calls, also to a node that it no longer uses. 10 s is its shortest interval without a warning. If a node
 * does not name the leader within 2 s, the client queries another node.
 */
const DEFAULTS = { keepAliveInterval: '10000', keepAliveTimeout: '5000', gossipTimeout: '2' } as const;

const FILES = ['tlsCAFile', 'userCertFile', 'userKeyFile'];

const optionsOf = (connectionString: string): URLSearchParams =>
  new URLSearchParams(connectionString.split('?').slice(1).join('&'));

/** The client ignores case, `_` and `-` in the names of options. */
const normalised = (name: string): string => name.toLowerCase().replace(/[_-]/g, '');

const withDefaults = (connectionString: string): string => {
  const present = new Set([...optionsOf(connectionString).keys()].map(normalised));
  const added = Object.entries(DEFAULTS).filter(([name]) => !present.has(normalised(name)));
  if (added.length === 0) return connectionString;
  const options = added.map(([name, value]) => `${name}=${value}`).join('&');
  return `${connectionString.replace(/\/+$/, '')}${connectionString.includes('?') ? '&' : '?'}${options}`;
};

/** The client's own error for a missing file names neither the option nor the full path. */
const requireFiles = (connectionString: string): void => {
  for (const [name, path] of optionsOf(connectionString)) {
    const option = FILES.find((file) => normalised(file) === normalised(name));
    const file = isAbsolute(path) ? path : resolve(path);
    if (option && !existsSync(file)) {
      throw new InvalidConnectionString(
        `the file that ${option} names does not exist: ${file}; correct the path in EVENTSTORE_URL, or put the file there`,
      );
    }
  }
};

/**
 * @param onLeft called with each connection that the client has left, so that the calls on it can be ended
 * @throws InvalidConnectionString
 */
export const connect = (connectionString: string, onLeft: (channel: Channel) => void): EventStoreDBClient => {
  requireFiles(connectionString);
  const client = create(withDefaults(connectionString));
  const internals = internalsOf(client);
  const { handleError } = internals;
  // The client calls this without awaiting it. It rejects if a search for the leader that another call has begun finds
  // none. That other call receives the error; here it would be an unhandled rejection, which ends the process.
  internals.handleError = async (grpcClient, error) => {
    const channel = grpcClient.getChannel() as Channel;
    await handleError(grpcClient, error).catch(() => undefined);
    if (leavesNode(internals, error)) onLeft(channel);
  };
  return client;
};

const create = (connectionString: string): EventStoreDBClient => {
  try {
    return EventStoreDBClient.connectionString(connectionString);
  } catch (error) {
    // The client quotes the text that it could not parse, which may be a part of the password.
    const message = (error instanceof Error ? error.message : String(error)).replace(/".*?"/gs, 'text');
    throw new InvalidConnectionString(`EVENTSTORE_URL cannot be used: ${message}`, { cause: error });
  }
};

/** Whether the client leaves its node because of this error. */
const leavesNode = (internals: Internals, error: Error): boolean => {
  try {
    return internals.shouldReconnect(error)[0];
  } catch {
    return false;
  }
};

/**
 * Makes the client leave the node of this connection, unless it has left the node already. The next call searches for
 * the leader and asks this node last.
 */
export const leave = async (client: EventStoreDBClient, channel: Channel, reason: string): Promise<void> => {
  const unavailable = Object.assign(new Error(reason), { code: GRPC.unavailable, details: reason }) as ServiceError;
  await internalsOf(client).handleError({ getChannel: () => channel }, new UnavailableError(unavailable));
};

/** Ends every call and closes the connection. The client's `dispose` alone would not close it. */
export const disconnect = async (client: EventStoreDBClient): Promise<void> => {
  const disposed = new AbortController();
  const ended = client.dispose().finally(() => disposed.abort());
  await Promise.race([ended, sleep(DISPOSE_MS, disposed.signal)]);
  const channel = await internalsOf(client)
    .getChannel()
    .catch(() => undefined);
  channel?.close();
};
