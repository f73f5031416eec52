import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import { addressKey } from './rate-limits';

export interface ArrivalsOptions {
  /** Maximum number of requests at once whose bodies have not arrived completely, from all clients together. */
  readonly max: number;
  /** The same from one client address. */
  readonly maxPerAddress: number;
}

/** A request whose headers have arrived, but not its complete body. */
interface Arrival {
  readonly reply: FastifyReply;
  /** Address at the other end of the connection: the client, or a proxy in front of this server. */
  readonly peer: string;
  /** Address by which rate limits count: the one that a trusted proxy sends, otherwise the same as `peer`. */
  readonly client: string;
}

/** Arrivals of one peer, by client, oldest first. */
interface Peer {
  count: number;
  readonly clients: Map<string, Set<Arrival>>;
}

/** ms between two checks for connections that were closed without an answer. */
const SWEEP_MS = 250;

/**
 * Counts the requests whose bodies have not arrived completely, so that no address can block all others with unfinished
 * bodies. One address may have `maxPerAddress` of them. When all addresses together have `max`, each new request
 * replaces an older one: the oldest of the client with the most, within the peer with the most. The peer is compared
 * first, because a client can invent addresses (`X-Forwarded-For`, if a number of proxies is trusted), but still has
 * one peer.
 */
export const createArrivals = ({ max, maxPerAddress }: ArrivalsOptions) => {
  const arrivals = new Map<FastifyReply, Arrival>();
  const peers = new Map<string, Peer>();
  let refused = 0;

  const remove = (arrival: Arrival): void => {
    arrivals.delete(arrival.reply);
    const peer = peers.get(arrival.peer);
    const client = peer?.clients.get(arrival.client);
    if (!peer || !client?.delete(arrival)) return;
    peer.count -= 1;
    if (client.size === 0) peer.clients.delete(arrival.client);
    if (peer.count === 0) peers.delete(arrival.peer);
  };

  const add = (arrival: Arrival): void => {
    arrivals.set(arrival.reply, arrival);
    const peer = peers.get(arrival.peer) ?? { count: 0, clients: new Map() };
    const client = peer.clients.get(arrival.client) ?? new Set();
    peers.set(arrival.peer, peer);
    peer.clients.set(arrival.client, client.add(arrival));
    peer.count += 1;
  };

  /** Refuses the oldest request of the client with the most, so that a new one can be counted. */
  const refuseOldest = (): void => {
    const [peer] = [...peers.values()].toSorted((a, b) => b.count - a.count);
    const [client] = [...(peer?.clients.values() ?? [])].toSorted((a, b) => b.size - a.size);
    const [oldest] = client ?? [];
    if (!oldest) return;
    remove(oldest);
    refused += 1;
    if (oldest.reply.request.raw.socket.destroyed || oldest.reply.sent) return;
    const detail = 'The request body took too long to arrive while the server was busy. Send the request again.';
    oldest.reply
      .header('connection', 'close')
      .send(new Problem('dependency-unavailable', { detail, retryAfter: RETRY_SECONDS }));
  };

  const sweep = (): void => {
    for (const [reply, arrival] of arrivals) if (reply.request.raw.socket.destroyed) remove(arrival);
  };
  const timer = setInterval(sweep, SWEEP_MS);
  timer.unref();

  return {
    /**
     * Counts a request whose body is arriving.
     * @returns the problem `rate-limited` if its address has too many such requests, otherwise undefined
     */
    enter: (request: FastifyRequest, reply: FastifyReply): Problem | undefined => {
      const peer = addressKey(request.raw.socket.remoteAddress ?? '');
      const client = addressKey(request.ip ?? '');
      if ((peers.get(peer)?.clients.get(client)?.size ?? 0) >= maxPerAddress) {
        refused += 1;
        reply.header('connection', 'close');
        const detail = `This address has ${maxPerAddress} requests with unfinished bodies, which is the limit. Finish sending one of them, or try again later.`;
        return new Problem('rate-limited', { detail, retryAfter: RETRY_SECONDS });
      }
      if (arrivals.size >= max) refuseOldest();
      add({ reply, peer, client });
      return undefined;
    },
    /**
     * Stops counting a request, because its body has arrived or is no longer awaited.
     * @returns true if the request was counted
     */
    leave: (reply: FastifyReply): boolean => {
      const arrival = arrivals.get(reply);
      if (arrival) remove(arrival);
      return arrival !== undefined;
    },
    close: (): void => clearInterval(timer),
    get size() {
      return arrivals.size;
    },
    /** Number of requests that were refused because of too many unfinished bodies. */
    get refused() {
      return refused;
    },
  };
};

export type Arrivals = ReturnType<typeof createArrivals>;

const RETRY_SECONDS = 1;

/** True if a body follows the headers of the request. */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined ||
  (headers['content-length'] !== undefined && headers['content-length'] !== '0');
