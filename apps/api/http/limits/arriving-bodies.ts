import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import { addressKey } from './rate-limits';

export interface ArrivalsOptions {
  /** Bodies at most that may be on their way at once, of all clients together. */
  readonly max: number;
  /** Of one client address. */
  readonly maxPerAddress: number;
}

/** A request whose head is here, and whose body is not. */
interface Arrival {
  readonly reply: FastifyReply;
  /** The address that the connection comes from: a client, or the proxy before it. */
  readonly peer: string;
  /** The address that rate limits count by: the one that a trusted proxy tells. */
  readonly client: string;
}

/** Arrivals of one peer, by client, each in the order in which they came. */
interface Peer {
  count: number;
  readonly clients: Map<string, Set<Arrival>>;
}

/** ms between two looks for connections that were closed without an answer. */
const SWEEP_MS = 250;

/**
 * Counts the requests whose bodies have not arrived, so that no address takes the room of all others by leaving bodies
 * unfinished. One address may have `maxPerAddress` of them. Where many addresses together reach `max`, each new one takes
 * the place of the oldest arrival of the client that has most, within the peer that has most: somebody who makes addresses
 * up (`X-Forwarded-For`, where a number of hops is trusted) still comes from one peer.
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

  /** Ends the arrival that is given up for a new one. */
  const makeRoom = (): void => {
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
    /** @returns the problem that the request is refused with, because its address has too many, else undefined */
    enter: (request: FastifyRequest, reply: FastifyReply): Problem | undefined => {
      const peer = addressKey(request.raw.socket.remoteAddress ?? '');
      const client = addressKey(request.ip ?? '');
      if ((peers.get(peer)?.clients.get(client)?.size ?? 0) >= maxPerAddress) {
        refused += 1;
        reply.header('connection', 'close');
        const detail = `This address has ${maxPerAddress} requests with unfinished bodies, which is the limit. Finish sending one of them, or try again later.`;
        return new Problem('rate-limited', { detail, retryAfter: RETRY_SECONDS });
      }
      if (arrivals.size >= max) makeRoom();
      add({ reply, peer, client });
      return undefined;
    },
    /** The body is here, or is not waited for any more. @returns whether the request was counted */
    leave: (reply: FastifyReply): boolean => {
      const arrival = arrivals.get(reply);
      if (arrival) remove(arrival);
      return arrival !== undefined;
    },
    close: (): void => clearInterval(timer),
    get size() {
      return arrivals.size;
    },
    /** Requests that were refused or ended for too many unfinished bodies. */
    get refused() {
      return refused;
    },
  };
};

export type Arrivals = ReturnType<typeof createArrivals>;

const RETRY_SECONDS = 1;

/** Whether a body follows the head of the request. */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined ||
  (headers['content-length'] !== undefined && headers['content-length'] !== '0');
