import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Seen from the client: what it sends, what it is answered. */
export type Direction = 'request' | 'answer';

export interface Cut {
  readonly direction: Direction;
  /** The connection is reset at this byte, counted from now on over all connections, or at the first one of this text. */
  readonly at: number | string;
  /** True: what the cut is at still arrives, the answer to it is lost. */
  readonly after?: boolean;
}

export interface TcpProxy {
  readonly port: number;
  /** A URL that leads to the target, as one that leads there through the proxy. */
  through(url: string): string;
  /** Connections that are open now. */
  readonly connections: number;
  /** ms that each piece takes, in either direction, from now on. */
  delay(ms: number): void;
  /**
   * Swallows every byte and says nothing: new connections are taken and never answered, and those that are there now
   * stay dead for ever, as behind a firewall that has forgotten them.
   */
  blackHole(): void;
  /** Holds every byte back until {@link heal}: a network that comes back before anybody noticed. */
  stall(): void;
  /** Ends what is there with a reset, and refuses what comes. */
  refuse(): Promise<void>;
  /** Ends what is there with a reset. */
  reset(): void;
  /** New connections lead to another server from now on; those that are open stay where they are. */
  leadTo(target: Target): void;
  /** Ends one direction of what is there in an orderly way, and continues with the other. */
  halfClose(direction: Direction): void;
  /** Resets the next connection on which it comes to that, once. */
  cut(cut: Cut): void;
  /** How many cuts have happened. */
  readonly cuts: number;
  /** New connections pass from now on, at full speed; cuts that have not happened are forgotten. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** Where a server on this machine listens. */
export type Target = { readonly host: string; readonly port: number } | { readonly path: string };

/** Where the database of a URL listens, which may be a socket: its folder then stands for the host. */
export const databaseTarget = (url: string): Target => {
  const { hostname, port } = new URL(url);
  const host = decodeURIComponent(hostname);
  return host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port: Number(port) };
};

/** Puts faults between a client and a server on one machine. */
export const startProxy = async (first: Target): Promise<TcpProxy> => {
  let target = first;
  const links = new Set<Link>();
  let mode: 'pass' | 'black-hole' | 'stall' = 'pass';
  let delayMs = 0;
  let cuts = 0;
  /** What each cut that has not happened has let pass. */
  let waiting = new Map<Cut, number>();
  let resume = (): void => undefined;
  let resumed: Promise<void> = Promise.resolve();

  /** The bytes that may still pass; undefined where nothing cuts the connection here. */
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
    // What has passed is to be read before: a reset that comes with it would be taken for an orderly end.
    if (cut > 0) to.write(chunk.subarray(0, cut), () => setTimeout(() => link.reset(), 5));
    else link.reset();
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const link = new Link(client, createConnection({ ...target, allowHalfOpen: true, noDelay: true }));
    link.dead = mode === 'black-hole';
    links.add(link);
    for (const direction of ['request', 'answer'] as const) {
      const [from, to] = direction === 'request' ? [link.client, link.server] : [link.server, link.client];
      // One after the other, so that a delay never changes their order.
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

/** One connection of a client and the one that stands for it at the server. */
class Link {
  /** Nothing passes any more. */
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
 * `resetAndDestroy` ends the stream first, and the other side sees an orderly end before the reset. A side that is ended
 * already can't be reset: libuv refuses, and the handle that is then never closed keeps Node from ending.
 */
const resetNow = (socket: Socket): void => {
  // That of a socket in the file system has no address, and knows no reset.
  if (!socket.writableEnded && socket.remoteAddress !== undefined) Object.assign(socket, { resetAndClosing: true });
  socket.destroy();
};
