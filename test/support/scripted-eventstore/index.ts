import type { AddressInfo } from 'node:net';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { ServerFeaturesService } from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { SupportedMethod, SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb';
import type { Empty } from '@eventstore/db-client/generated/shared_pb';
import { StreamsService } from '@eventstore/db-client/generated/streams_grpc_pb';
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData, status } from '@grpc/grpc-js';
import { append, batchAppend, type Node } from './append';
import { read, tombstone } from './read';
import { Script } from './script';
import { Store } from './store';
import { serviceError } from './wire';

export type { AppendFault } from './script';

/** A single node that does as it is told. Speaks the client's own protocol on loopback, without TLS. */
export interface ScriptedEventStore {
  readonly connectionString: string;
  readonly script: Script;
  readonly store: Store;
  /** Cuts every connection; the next one is taken. */
  cut(): void;
  /** Cuts every connection and refuses new ones, as a node that is down. */
  stop(): Promise<void>;
  /** Takes connections again, on the same port, with the same log. */
  start(): Promise<void>;
  /** Ends every subscription with an error, on connections that stay. */
  dropSubscriptions(code?: status): void;
  readonly subscriptions: number;
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

export const startScriptedEventStore = async (): Promise<ScriptedEventStore> => {
  const [script, store] = [new Script(), new Store()];
  const sockets = new Set<Socket>();
  const subscriptions = new Set<Parameters<ReturnType<typeof read>>[0]>();
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
  };
  const node: Node = { store, script, cut };
  const grpc = new Server();
  grpc.addService(ServerFeaturesService, { getSupportedMethods: supported(script) });
  grpc.addService(StreamsService, {
    batchAppend: batchAppend(node),
    append: append(node),
    read: read(node, subscriptions),
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
