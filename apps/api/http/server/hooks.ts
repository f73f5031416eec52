import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '#platform/logging/logger.port';
import { Problem } from '#platform/problems';
import type { Consistency } from '../contract/consistency';
import { isNotModified, unwrapTagged } from '../contract/etag';
import type { Idempotency } from '../contract/idempotency';
import { type Arrivals, hasBody } from '../limits/arriving-bodies';
import type { Connections } from '../limits/connections';
import type { InFlight } from '../limits/in-flight';
import { type RateLimits, writeRateLimit } from '../limits/rate-limits';
import { PROBLEM_TYPE, pathOf, problemDocument } from '../problems/problem-document';
import { drainRequestBody } from '../requests/drain-request-body';
import { findDuplicateHeader } from '../requests/duplicate-headers';
import { openContext, type RequestState, requestStateOf } from '../requests/request-context';
import { traceIdOf } from '../requests/request-id';
import { routeConfigOf } from '../requests/route-config';
import type { HttpMetrics } from './http-metrics';
import type { SecurityHeaders } from './security-headers';

export interface HookDeps {
  readonly logger: Logger;
  readonly connections: Connections;
  readonly arrivals: Arrivals;
  readonly inFlight: InFlight;
  readonly rateLimits: RateLimits;
  readonly securityHeaders: SecurityHeaders;
  readonly consistency: Consistency | undefined;
  readonly idempotency: Idempotency | undefined;
  readonly metrics: HttpMetrics | undefined;
}

/** What every request passes through, as Fastify's hooks: an interceptor of Nest costs several times as much. */
export const addHooks = (instance: FastifyInstance, parts: HookDeps): void => {
  instance.addHook('onRequest', onRequest(parts));
  instance.addHook('preValidation', onArrived(parts));
  instance.addHook('preSerialization', (_request, reply, payload, done) => done(null, unwrapTagged(payload, reply)));
  // From the beginning of the stop on, the last answer of each connection closes it.
  let closing = false;
  instance.addHook('preClose', async () => {
    closing = true;
  });
  instance.addHook(
    'onSend',
    onSend(parts, () => closing),
  );
  instance.addHook('onResponse', onResponse(parts));
  instance.addHook('onClose', async () => {
    parts.inFlight.close();
    parts.arrivals.close();
  });
};

const onRequest =
  ({ connections, arrivals, inFlight, securityHeaders }: HookDeps) =>
  (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    openContext(request, request.id);
    if (connections.isBehindClose(request.raw)) {
      reply.hijack();
      done();
      return;
    }
    reply.header('x-request-id', request.id);
    reply.headers(securityHeaders.of(request.raw.url ?? '/'));
    // A body that has not arrived takes room of its own, and none from the requests that have.
    const enter = hasBody(request.raw) ? arrivals.enter : inFlight.enter;
    done(findDuplicateHeader(request.raw) ?? enter(request, reply));
  };

/** Runs once the body was read. */
const onArrived =
  ({ arrivals, inFlight }: HookDeps) =>
  (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    done(arrivals.leave(reply) ? inFlight.enter(request, reply) : undefined);
  };

const TOO_LARGE = 413;

type Done = (error: Error | null, payload?: unknown) => void;

const onSend =
  (parts: HookDeps, isClosing: () => boolean) =>
  (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    const state = requestStateOf(request);
    // An answer that comes while another one is being finished (the deadline was first, or the handler) is dropped.
    if (state.answering) return;
    const isWhole = reply.statusCode !== TOO_LARGE || request.raw.complete;
    const isSettled = state.position === undefined && state.lease === undefined && state.rateLimit !== undefined;
    if (isSettled && isWhole && !isClosing()) {
      done(null, finish(request, reply, state, payload));
      return;
    }
    state.answering = true;
    const settling = settle(parts, request, reply, state, payload);
    const ready = isClosing() ? settling.then((it) => closeLast(parts.connections, request, reply, it)) : settling;
    ready.then((settled) => {
      state.answering = false;
      try {
        done(null, finish(request, reply, state, settled));
      } catch (error) {
        parts.logger.error({ requestId: state.requestId, err: error }, 'an answer could not be sent');
        reply.raw.destroy();
      }
    });
  };

/**
 * While the process stops, the answer to the last request of a connection closes it. Others must not: Node would drop the
 * answers behind them. Fastify marks every answer as the last one; the mark is removed from these.
 */
const closeLast = async (
  connections: Connections,
  request: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
): Promise<unknown> => {
  if (await connections.closeAfter(request.raw)) reply.header('connection', 'close');
  else reply.raw.removeHeader('connection');
  return payload;
};

/** The parts of an answer that take time. Never rejects. */
const settle = async (
  { consistency, idempotency, rateLimits }: HookDeps,
  request: FastifyRequest,
  reply: FastifyReply,
  state: RequestState,
  payload: unknown,
): Promise<unknown> => {
  if (reply.statusCode === TOO_LARGE) await drainRequestBody(request.raw);
  if (state.position !== undefined && consistency) await consistency.afterWrite(state, reply);
  if (state.lease !== undefined && idempotency) await idempotency.finish(state, reply, payload);
  return state.rateLimit === undefined ? countLate(rateLimits, request, reply, state, payload) : payload;
};

/**
 * Counts a request that was answered before the guard could: an unknown path, a malformed body, a token that is not
 * valid. A client that sends too many of them gets that problem in place of the answer.
 */
const countLate = async (
  rateLimits: RateLimits,
  request: FastifyRequest,
  reply: FastifyReply,
  state: RequestState,
  payload: unknown,
): Promise<unknown> => {
  if (routeConfigOf(request).unlimited === true) return payload;
  try {
    await rateLimits.count(request, state, undefined);
    return payload;
  } catch (error) {
    if (!(error instanceof Problem) || reply.statusCode >= 500) return payload;
    discard(payload);
    reply.code(error.status).header('content-type', PROBLEM_TYPE).removeHeader('content-length');
    reply.header('retry-after', String(error.details.retryAfter ?? 1));
    return JSON.stringify(problemDocument(error, request.id, pathOf(request.raw.url ?? '/')));
  }
};

const discard = (payload: unknown): void => {
  if (
    typeof payload === 'object' &&
    payload !== null &&
    'destroy' in payload &&
    typeof payload.destroy === 'function'
  ) {
    payload.destroy();
  }
};

/** The last touch, without waiting for anything. */
const finish = (request: FastifyRequest, reply: FastifyReply, state: RequestState, payload: unknown): unknown => {
  writeRateLimit(state, reply);
  if (!isNotModified(request, reply)) return payload;
  discard(payload);
  reply.code(304).removeHeader('content-type').removeHeader('content-length');
  return null;
};

const onResponse =
  ({ arrivals, inFlight, metrics, logger }: HookDeps) =>
  (request: FastifyRequest, reply: FastifyReply, done: () => void): void => {
    inFlight.leave(reply);
    arrivals.leave(reply);
    const state = requestStateOf(request);
    const ms = performance.now() - state.startedAt;
    metrics?.observe(request, reply.statusCode, ms);
    accessLine(logger, request, reply, state, ms);
    done();
  };

/**
 * One line a request: at `debug` where it went well, because a line costs about as much as a small request itself and
 * the histogram counts those; at `info` where the client was told no, at `warn` where it was our fault.
 */
const accessLine = (
  logger: Logger,
  request: FastifyRequest,
  reply: FastifyReply,
  state: RequestState,
  ms: number,
): void => {
  const { statusCode } = reply;
  if (statusCode < 400 && !isDebugging(logger)) return;
  const fields = {
    requestId: state.requestId,
    traceId: traceIdOf(request.raw.headers),
    method: request.method,
    // The template where there is one: paths can hold tokens.
    route: request.routeOptions?.url ?? pathOf(request.raw.url ?? '/'),
    status: statusCode,
    ms: Math.round(ms * 10) / 10,
    tenantId: state.principal?.tenantId,
    userId: state.principal?.userId,
  };
  if (statusCode >= 500) logger.warn(fields, 'request');
  else if (statusCode >= 400) logger.info(fields, 'request');
  else logger.debug(fields, 'request');
};

/** Pino replaces the methods below its level by one and the same no-op, but building the fields has its price. */
const isDebugging = (logger: Logger & { isLevelEnabled?: (level: string) => boolean }): boolean =>
  logger.isLevelEnabled?.('debug') ?? true;
