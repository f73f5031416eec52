import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { addressKey } from './rate-limits';

export interface ConnectionsOptions {
  /** Maximum number of connections of one address. */
  readonly maxPerAddress: number;
  /** True if an address is a proxy, which connects for many clients: the limit does not apply to it. */
  readonly isProxy: (address: string) => boolean;
}

interface Connection {
  readonly address: string;
  /** The request that arrived last, and its response. */
  request: IncomingMessage | undefined;
  response: ServerResponse | undefined;
  /** The request whose answer has `Connection: close`. Requests that arrive after it are not processed. */
  closedBy: IncomingMessage | undefined;
}

/**
 * Tracks the connections of the server and the last request of each. The answers on a connection are sent in the order
 * of its requests (pipelining, RFC 9112, 9.3.2), so a connection is idle when its last response has been sent
 * completely.
 */
export const trackConnections = (server: Server, { maxPerAddress, isProxy }: ConnectionsOptions) => {
  const connections = new Map<Socket, Connection>();
  const byAddress = new Map<string, Set<Socket>>();
  let refused = 0;

  const isIdle = ({ response }: Connection): boolean => response === undefined || response.writableFinished;

  /** The oldest idle connection. A connection on which a part of a request has arrived counts as idle, too. */
  const oldestIdle = (sockets: Iterable<Socket>): Socket | undefined => {
    for (const socket of sockets) {
      const connection = connections.get(socket);
      if (connection && isIdle(connection)) return socket;
    }
    return undefined;
  };

  server.on('connection', (socket: Socket) => {
    const peer = socket.remoteAddress ?? '';
    const address = addressKey(peer);
    const sockets = byAddress.get(address) ?? new Set();
    if (sockets.size >= maxPerAddress && !isProxy(peer)) {
      refused += 1;
      const idle = oldestIdle(sockets);
      if (idle === undefined) {
        socket.destroy();
        return;
      }
      sockets.delete(idle);
      idle.destroy();
    }
    byAddress.set(address, sockets.add(socket));
    connections.set(socket, { address, request: undefined, response: undefined, closedBy: undefined });
    socket.once('close', () => {
      connections.delete(socket);
      sockets.delete(socket);
      if (sockets.size === 0 && byAddress.get(address) === sockets) byAddress.delete(address);
    });
  });

  server.prependListener('request', (request: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(request.socket);
    if (!connection || connection.closedBy !== undefined) return;
    connection.request = request;
    connection.response = response;
  });

  return {
    get size() {
      return connections.size;
    },
    /** Number of connections that were closed or refused because their address had too many. */
    get refused() {
      return refused;
    },

    /**
     * True if an earlier answer closes the connection. The request must not be processed, because it cannot be
     * answered.
     */
    isBehindClose: ({ socket }: IncomingMessage): boolean => connections.get(socket)?.closedBy !== undefined,

    /**
     * Decides whether the answer to this request closes its connection. It does so for the last request that has
     * arrived, also counting bytes that the operating system has received and this process has not read yet. After
     * `true`, no later request of the connection is processed.
     */
    closeAfter: async (request: IncomingMessage): Promise<boolean> => {
      const connection = connections.get(request.socket);
      // A request that a test injects has no connection.
      if (!connection) return true;
      if (connection.request === request) await readReceivedBytes();
      if (connection.request !== request || connection.closedBy !== undefined) return false;
      connection.closedBy = request;
      return true;
    },

    /** Closes the connections on which no request is being answered. */
    closeIdle: (): void => {
      for (const [socket, connection] of connections) if (isIdle(connection)) socket.destroy();
    },

    closeAll: (): void => {
      for (const socket of connections.keys()) socket.destroy();
    },
  };
};

export type Connections = ReturnType<typeof trackConnections>;

/** Waits for two rounds of the event loop, because one complete poll of the sockets lies between them. */
const readReceivedBytes = async (): Promise<void> => {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setImmediate(resolve));
};
