import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** `request`: from the client to the server. `answer`: from the server to the client. */
export type Direction = 'request' | 'answer';

export interface Cut {
  readonly direction: Direction;
  /**
   * A number: the connection is reset at this byte, counted from now on over all connections. A text: at its first
   * byte.
   */
  readonly at: number | string;
  /** True: the chunk with this byte or text still arrives, and the connection is reset after it. */
  readonly after?: boolean;
}

export interface TcpProxy {
  readonly port: number;
  /** Changes a URL of the target so that it leads there through the proxy. */
  through(url: string): string;
  /** The number of open connections. */
  readonly connections: number;
  /** Delays each chunk by `ms` from now on, in both directions. */
  delay(ms: number): void;
  /**
   * Discards every byte without an error: new connections are accepted and never answered, and connections that are
   * open now stay dead for ever, as behind a firewall that has dropped them.
   */
  blackHole(): void;
  /** Delays every byte until {@link heal}, like a network that is interrupted for a short time. */
  stall(): void;
  /** Resets all connections, and refuses new ones. */
  refuse(): Promise<void>;
  /** Resets all connections. */
  reset(): void;
  /** Connects new connections to another server from now on. Open connections are not changed. */
  leadTo(target: Target): void;
  /** Ends one direction of all open connections in an orderly way. The other direction continues. */
  halfClose(direction: Direction): void;
  /** Resets, once, the next connection that reaches the byte or text. */
  cut(cut: Cut): void;
  /** The number of cuts that have happened. */
  readonly cuts: number;
  /** Passes bytes of new connections without a delay from now on, and cancels cuts that have not happened. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** The address or the socket of a server on this machine. */
export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

/** The target of a database URL. If it is a socket, the folder of the socket is in place of the host. */
export const databaseTarget = (url: string): Target => {
  const { hostname, port } = new URL(url);
  const host = decodeURIComponent(hostname);
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port: Number(port) };
};

/** Starts a proxy that puts faults between a client and a server. */
export const startProxy = async (first: Target): Promise<TcpProxy> => {
  let target = first;
  const links = new Set<Link>();
  let mode: 'pass' | 'black-hole' | 'stall' = 'pass';
  let delayMs = 0;
  let cuts = 0;
  /** The cuts that have not happened yet, each with the number of bytes that have passed since it was added. */
  let waiting = new Map<Cut, number>();
  let resume = (): void => undefined;
  let resumed: Promise<void> = Promise.resolve();

  /** The number of bytes of the chunk that may pass before a cut; undefined if no cut is in this chunk. */
  const cutOf = (direction: Direction, chunk: Buffer): number | undefined => {
    for (const [cut, passed] of waiting) {
      if (cut.direction !== direction) continue;
      waiting.set(cut, passed + chunk.length);
      const place = typeof cut.at === 'number' ? cut.at - passed : chunk.indexOf(cut.at);
      if (place < 0 || place >= chunk.length) continue;
      waiting.delete(cut);
      cuts += 1;
      return cut.after ? chunk.length : place;
    }
    return undefined;
  };

  const forward = async (link: Link, direction: Direction, chunk: Buffer): Promise<void> => {
    if (mode === 'stall') await resumed;
    if (delayMs > 0) await sleep(delayMs);
    const to = direction === 'request' ? link.server : link.client;
    if (link.dead || to.destroyed) return;
    const cut = cutOf(direction, chunk);
    if (cut === undefined) {
      to.write(chunk);
      return;
    }
    link.dead = true;
    // The reset follows 5 ms later, so that the receiver reads these bytes first; otherwise it would see an orderly
    // end.
    if (cut > 0) to.write(chunk.subarray(0, cut), () => setTimeout(() => link.reset(), 5));
    else link.reset();
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const link = new Link(client, createConnection({ ...target, allowHalfOpen: true, noDelay: true }));
    link.dead = mode === 'black-hole';
    links.add(link);
    for (const direction of ['request', 'answer'] as const) {
      const [from, to] = direction === 'request' ? [link.client, link.server] : [link.server, link.client];
      // Chunks are forwarded one after the other, so that a delay does not change their order.
      let last: Promise<void> = Promise.resolve();
      from.on('data', (chunk: Buffer) => {
        last = last.then(() => forward(link, direction, chunk));
      });
      from.on('end', () => {
        last = last.then(() => (link.dead ? link.reset() : void to.end()));
      });
      from.on('error', () => undefined);
      from.on('close', () => {
        if (!link.dead) to.destroySoon();
        if (link.client.destroyed) link.reset();
        if (link.client.destroyed && link.server.destroyed) links.delete(link);
      });
    }
  });
  const listen = async (port: number): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const resetAll = (): void => {
    for (const link of links) link.reset();
  };
  const release = (): void => {
    mode = 'pass';
    resume();
  };

  return {
    port,
    through: (url) => {
      const through = new URL(url);
      through.hostname = '127.0.0.1';
      through.port = String(port);
      return through.href;
    },
    get connections() {
      return links.size;
    },
    delay: (ms) => {
      delayMs = ms;
    },
    blackHole: () => {
      mode = 'black-hole';
      for (const link of links) link.dead = true;
    },
    stall: () => {
      mode = 'stall';
      resumed = new Promise((resolve) => {
        resume = resolve;
      });
    },
    refuse: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      resetAll();
      await closed;
    },
    reset: resetAll,
    leadTo: (next) => {
      target = next;
    },
    halfClose: (direction) => {
      for (const link of links) (direction === 'request' ? link.server : link.client).end();
    },
    cut: (cut) => {
      waiting.set({ ...cut }, 0);
    },
    get cuts() {
      return cuts;
    },
    heal: async () => {
      delayMs = 0;
      waiting = new Map();
      release();
      if (!server.listening) await listen(port);
    },
    close: async () => {
      release();
      resetAll();
      if (server.listening) await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

/** A connection of a client, and its connection to the server. */
class Link {
  /** True: no more bytes are passed on. */
  dead = false;

  constructor(
    readonly client: Socket,
    readonly server: Socket,
  ) {}

  reset(): void {
    this.dead = true;
    for (const socket of [this.client, this.server]) resetNow(socket);
  }
}

/**
 * Resets a connection without Node's `resetAndDestroy`, which ends the stream first, so that the other side sees an
 * orderly end before the reset. A side that has already ended cannot be reset: libuv refuses it, and then the handle is
 * never closed and keeps Node from ending.
 */
const resetNow = (socket: Socket): void => {
  // A Unix socket has no remote address, and cannot be reset.
  if (!socket.writableEnded && socket.remoteAddress !== undefined) Object.assign(socket, { resetAndClosing: true });
  socket.destroy();
};
