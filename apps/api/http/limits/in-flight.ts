import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import { requestStateOf } from '../requests/request-context';
import { routeConfigOf } from '../requests/route-config';

export interface InFlightOptions {
  /** Requests at once; beyond it new ones are answered 503. */
  readonly max: number;
  /** ms until a request that is still not answered is answered 503. A route's `config.deadlineMs` goes before. */
  readonly deadlineMs: number;
  /** ms that a client may take to read an answer, before its connection is closed. */
  readonly readingMs: number;
}

export interface InFlight {
  /** Counts a request that has arrived whole. @returns the problem that it is refused with, else undefined */
  enter(request: FastifyRequest, reply: FastifyReply): Problem | undefined;
  leave(reply: FastifyReply): void;
  close(): void;
  /** Requests that are not answered yet. Those whose answer is still being read do not count. */
  readonly size: number;
}

/** ms between two looks at who is overdue. */
const SWEEP_MS = 250;

/**
 * Knows every request under way: refuses new ones beyond a number, answers those that take too long, and closes the
 * connections of clients that do not read their answers. One timer looks at all of them; Fastify's own `handlerTimeout`
 * would make a timer and an abort controller for each.
 */
export const createInFlight = ({ max, deadlineMs, readingMs }: InFlightOptions): InFlight => {
  const requests = new Map<FastifyReply, number>();
  /** Answers on their way to a client that reads slowly, until when. They take no room from new requests. */
  const answers = new Map<FastifyReply, number>();

  const sweepAnswers = (now: number): void => {
    for (const [reply, deadline] of answers) {
      const { socket } = reply.request.raw;
      if (!socket.destroyed && deadline > now) continue;
      answers.delete(reply);
      socket.destroy();
    }
  };

  const sweep = (): void => {
    const now = performance.now();
    for (const [reply, deadline] of requests) {
      const { raw, request } = reply;
      if (request.raw.socket?.destroyed) {
        // A response whose client has left never finishes, so that no hook tells of it. What still runs for it is
        // counted until it is done, or overdue.
        if (raw.writableEnded || request.raw.complete === false || deadline <= now) requests.delete(reply);
        continue;
      }
      if (raw.headersSent || raw.writableEnded) {
        requests.delete(reply);
        answers.set(reply, now + readingMs);
        continue;
      }
      if (deadline > now) continue;
      // An answer that is being finished is bounded itself.
      if (reply.sent || requestStateOf(request).answering) continue;
      requests.delete(reply);
      const detail = 'The request took too long, and its result is not known. Repeat it with the same Idempotency-Key.';
      reply.send(new Problem('dependency-unavailable', { detail, retryAfter: 1 }));
    }
    sweepAnswers(now);
  };
  const timer = setInterval(sweep, SWEEP_MS);
  timer.unref();

  return {
    enter: (request, reply) => {
      const config = routeConfigOf(request);
      if (requests.size >= max && config.unlimited !== true) {
        const detail = 'The server is overloaded. Try again after the seconds in Retry-After.';
        return new Problem('dependency-unavailable', { detail, retryAfter: 1 });
      }
      requests.set(reply, requestStateOf(request).startedAt + (config.deadlineMs ?? deadlineMs));
      return undefined;
    },
    leave: (reply) => {
      requests.delete(reply);
      answers.delete(reply);
    },
    close: () => clearInterval(timer),
    get size() {
      return requests.size;
    },
  };
};
