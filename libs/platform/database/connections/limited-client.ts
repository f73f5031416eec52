import { Client } from 'pg';

/**
 * The maximum number of connections that this process opens to one server at the same time. Opening one costs the
 * server a new process and a check of the password. When a busy server needs longer than the timeout of the client, and
 * every caller tries again at once, the server spends all its time on connections that nobody waits for any more, and
 * none of them is ever opened. Measured with 80 callers in four processes and a timeout of 300 ms: without a limit, and
 * with this one alone, none was served in a minute; with the lower limit after failures, all were served in 4 s.
 */
export const MAX_OPENING = 8;

type Callback = (error?: Error) => void;
type Connect = (this: Client, callback: Callback) => void;

/** Parts of pg's client that its types do not declare. */
interface ClientInternals {
  readonly host: string;
  readonly port: number;
  readonly connection: { readonly stream: NodeJS.EventEmitter };
}

/** The connections to one server that are being opened, and the clients that wait for their turn. */
interface Server {
  opening: number;
  /** At most this number is opened at once: halved by a failure, and raised by one by a success. */
  limit: number;
  readonly waiting: Set<() => void>;
}

const servers = new Map<string, Server>();

const serverOf = ({ host, port }: ClientInternals): Server => {
  const name = `${host}:${port}`;
  const server = servers.get(name) ?? { opening: 0, limit: MAX_OPENING, waiting: new Set() };
  servers.set(name, server);
  return server;
};

/**
 * A client of a pool, of which at most {@link MAX_OPENING} connect to the same server at the same time. The others wait
 * for their turn; the pool's timeout includes this time.
 */
export class LimitedClient extends Client {}

const connect = Client.prototype.connect as unknown as Connect;

const openNow = (client: Client, server: Server, callback: Callback): void => {
  let isOpening = true;
  server.opening += 1;
  connect.call(client, (error) => {
    // The client calls back a second time if it loses the connection after an error.
    if (isOpening) {
      isOpening = false;
      server.opening -= 1;
      server.limit = error ? Math.max(1, Math.floor(server.limit / 2)) : Math.min(MAX_OPENING, server.limit + 1);
      // The newest first: it has the most time left. The oldest one might be given up while it is opened.
      for (const start of [...server.waiting].reverse()) {
        if (server.opening >= server.limit) break;
        start();
      }
    }
    callback(error);
  });
};

Object.defineProperty(LimitedClient.prototype, 'connect', {
  value(this: Client, callback: Callback) {
    const internals = this as unknown as ClientInternals;
    const server = serverOf(internals);
    if (server.opening < server.limit) {
      openNow(this, server, callback);
      return;
    }
    const { stream } = internals.connection;
    // The pool closes the stream when its timeout has passed.
    const leave = (): void => {
      server.waiting.delete(start);
      callback(new Error('Connection terminated while it waited to be opened'));
    };
    const start = (): void => {
      server.waiting.delete(start);
      stream.off('close', leave);
      openNow(this, server, callback);
    };
    server.waiting.add(start);
    stream.once('close', leave);
  },
});
