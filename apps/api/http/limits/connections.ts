import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { addressKey } from './rate-limits';

export interface ConnectionsOptions {
  /** Connections of one address at most. */
  readonly maxPerAddress: number;
  /** Whether an address is a proxy, which connects for many clients: the limit does not apply to it. */
  readonly isProxy: (address: string) => boolean;
}

interface Connection {
  readonly address: string;
  /** The request that arrived last, with its response. */
  request: IncomingMessage | undefined;
  response: ServerResponse | undefined;
  /** The request whose answer says `Connection: close`: what arrives behind it is not carried out. */
  closedBy: IncomingMessage | undefined;
}

/**
 * Knows every connection of the server, and how far its requests are. Answers of one connection are sent in the order of
 * its requests (pipelining, RFC 9112, 9.3.2), so a connection is idle once its last response has been sent to the end.
 */
export const trackConnections = (server: Server, { maxPerAddress, isProxy }: ConnectionsOptions) => {
  const connections = new Map<Socket, Connection>();
  const byAddress = new Map<string, Set<Socket>>();
  let refused = 0;

  const isIdle = ({ response }: Connection): boolean => response === undefined || response.writableFinished;

  /** The idle connection of these that is the oldest. It may be one whose request has not arrived whole. */
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
    const ofAddress = byAddress.get(address) ?? new Set();
    if (ofAddress.size >= maxPerAddress && !isProxy(peer)) {
      refused += 1;
      const idle = oldestIdle(ofAddress);
      if (idle === undefined) {
        socket.destroy();
        return;
      }
      ofAddress.delete(idle);
      idle.destroy();
    }
    byAddress.set(address, ofAddress.add(socket));
    connections.set(socket, { address, request: undefined, response: undefined, closedBy: undefined });
    socket.once('close', () => {
      connections.delete(socket);
      ofAddress.delete(socket);
      if (ofAddress.size === 0 && byAddress.get(address) === ofAddress) byAddress.delete(address);
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
    /** Connections that were closed or refused because their address had too many. */
    get refused() {
      return refused;
    },

    /** True where an earlier answer closes the connection: the request must not be carried out, nobody could answer it. */
    isBehindClose: ({ socket }: IncomingMessage): boolean => connections.get(socket)?.closedBy !== undefined,

    /**
     * Whether the answer to this request is the one that closes its connection. True only for the last request that has
     * arrived, also among the bytes that the system has received and this process has not read yet. From then on no other
     * request of the connection is accepted.
     */
    closeAfter: async (request: IncomingMessage): Promise<boolean> => {
      const connection = connections.get(request.socket);
      // A request that was injected by a test has no connection.
      if (!connection) return true;
      if (connection.request === request) await roundsOfEventLoop();
      if (connection.request !== request || connection.closedBy !== undefined) return false;
      connection.closedBy = request;
      return true;
    },

    /** Closes the connections on which no request is under way. */
    closeIdle: (): void => {
      for (const [socket, connection] of connections) if (isIdle(connection)) socket.destroy();
    },

    closeAll: (): void => {
      for (const socket of connections.keys()) socket.destroy();
    },
  };
};

export type Connections = ReturnType<typeof trackConnections>;

/** Two, so that one whole look at the network lies between. */
const roundsOfEventLoop = async (): Promise<void> => {
  for (let round = 0; round < 2; round++) await new Promise((resolve) => setImmediate(resolve));
};
