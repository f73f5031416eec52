import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '#platform/problems';
import { requestStateOf } from '../requests/request-context';
import { routeConfigOf } from '../requests/route-config';

export interface InFlightOptions {
  /** Maximum number of requests at once; above it, new ones are answered 503. */
  readonly max: number;
  /** Time in ms after which an unanswered request is answered 503. A route's `config.deadlineMs` takes precedence. */
  readonly deadlineMs: number;
  /** Time in ms for a client to read an answer. After it, the connection is closed. */
  readonly readingMs: number;
}

export interface InFlight {
  /**
   * Counts a request that has arrived completely.
   * @returns the problem `dependency-unavailable` if there are too many requests, otherwise undefined
   */
  enter(request: FastifyRequest, reply: FastifyReply): Problem | undefined;
  /** Stops counting a request, because its answer has been sent. */
  leave(reply: FastifyReply): void;
  /** Stops the timer. */
  close(): void;
  /** Number of requests that are not answered yet. Requests whose answer is being read by the client do not count. */
  readonly size: number;
}

/** ms between two checks for overdue requests. */
const SWEEP_MS = 250;

/**
 * Tracks every request that is not answered yet: refuses new ones above a number, answers those that take too long, and
 * closes the connections of clients that do not read their answers. One timer checks all requests, because Fastify's
 * `handlerTimeout` would create a timer and an abort controller for each.
 */
export const createInFlight = ({ max, deadlineMs, readingMs }: InFlightOptions): InFlight => {
  /** Unanswered requests with their deadlines, on the clock of `performance.now()`. */
  const requests = new Map<FastifyReply, number>();
  /** Answers that clients are reading, with their deadlines. They do not count as requests. */
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
        // The response of a client that has disconnected never finishes, so no hook is called for it. A command that is
        // still running for it is counted until it ends or its deadline has passed.
        if (raw.writableEnded || request.raw.complete === false || deadline <= now) requests.delete(reply);
        continue;
      }
      if (raw.headersSent || raw.writableEnded) {
        requests.delete(reply);
        answers.set(reply, now + readingMs);
        continue;
      }
      if (deadline > now) continue;
      // The last steps of an answer have time limits of their own.
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
