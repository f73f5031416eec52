import type { AddressInfo } from 'node:net';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { GossipService } from '@eventstore/db-client/generated/gossip_grpc_pb';
import { ProjectionsService } from '@eventstore/db-client/generated/projections_grpc_pb';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { SupportedMethod, SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb';
import type { Empty } from '@eventstore/db-client/generated/shared_pb';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { append, batchAppend, type Node } from './append';
import { type Members, readGossip } from './gossip';
import { statistics } from './projections';
import { type ReadCall, read, tombstone } from './read';
import { Script } from './script';
import { Store } from './store';
import { serviceError } from './wire';

export type { AppendFault } from './script';

/** A simulated node of EventStoreDB that follows a script. It uses the real protocol, on loopback and without TLS. */
export interface ScriptedEventStore {
  readonly connectionString: string;
  readonly port: number;
  readonly script: Script;
  readonly store: Store;
  /** Cuts every connection. New ones are accepted. */
  cut(): void;
  /** Cuts every connection and refuses new ones, as if the node were down. */
  stop(): Promise<void>;
  /** Accepts connections again, on the same port and with the same log. */
  start(): Promise<void>;
  /** Ends every subscription with an error. The connections stay open. */
  dropSubscriptions(code?: status): void;
  /** The number of open subscriptions. */
  readonly subscriptions: number;
  /**
   * Ends, with an error, the first `count` reads that are held or wait for a frozen node. The connections stay open.
   */
  failReads(count: number, code?: status): void;
  close(): Promise<void>;
}

const supported =
  (script: Script) => async (_: ServerUnaryCall<Empty, SupportedMethods>, done: sendUnaryData<SupportedMethods>) => {
    await script.awake();
    const methods = Object.keys(StreamsService).map((name) =>
      new SupportedMethod().setServiceName('event_store.client.streams.streams').setMethodName(name.toLowerCase()),
    );
    done(null, new SupportedMethods().setMethodsList(methods).setEventStoreServerVersion('24.10.0'));
  };

const listen = (listener: NetServer, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(port, '127.0.0.1', () => resolve((listener.address() as AddressInfo).port));
  });

const unimplemented = (_: unknown, done: sendUnaryData<never>): void =>
  done(serviceError(status.UNIMPLEMENTED, 'not scripted'));

export interface ScriptedOptions {
  readonly store?: Store;
  /** The nodes of the cluster; only this node by default. */
  readonly members?: Members;
}

export const startScriptedEventStore = async (options: ScriptedOptions = {}): Promise<ScriptedEventStore> => {
  const script = new Script();
  const store = options.store ?? new Store();
  const members: Members = options.members ?? (() => [{ port, script }]);
  const sockets = new Set<Socket>();
  const subscriptions = new Set<ReadCall>();
  const waiting = new Set<ReadCall>();
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  const node: Node = { store, script, cut, members };
  const grpc = new Server();
  grpc.addService(ServerFeaturesService, { getSupportedMethods: supported(script) });
  grpc.addService(GossipService, { read: readGossip(script, members) });
  grpc.addService(ProjectionsService, {
    ...Object.fromEntries(Object.keys(ProjectionsService).map((name) => [name, unimplemented])),
    statistics: statistics(script, store),
  });
  grpc.addService(StreamsService, {
    batchAppend: batchAppend(node),
    append: append(node),
    read: read(node, subscriptions, waiting),
    tombstone: tombstone(node),
    delete: unimplemented,
  });
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const accept = (socket: Socket): void => {
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    sockets.add(socket);
    injector.injectConnection(socket);
  };
  let listener = createServer(accept);
  const port = await listen(listener, 0);
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      listener.close(() => resolve());
      cut();
    });
  return {
    port,
    connectionString: `esdb://127.0.0.1:${port}?tls=false`,
    script,
    store,
    cut,
    stop,
    start: async () => {
      listener = createServer(accept);
      await listen(listener, port);
    },
    dropSubscriptions: (code = status.CANCELLED) => {
      for (const call of subscriptions) call.emit('error', serviceError(code, 'dropped by the script'));
    },
    failReads: (count, code = status.UNAVAILABLE) => {
      for (const call of [...waiting].slice(0, count)) call.emit('error', serviceError(code, 'failed by the script'));
    },
    get subscriptions() {
      return subscriptions.size;
    },
    close: async () => {
      script.thaw();
      await stop();
      injector.destroy();
      grpc.forceShutdown();
    },
  };
};
