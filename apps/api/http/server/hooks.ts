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
import { isRead } from '../requests/is-read';
import { openContext, type RequestState, requestStateOf } from '../requests/request-context';
import { traceIdOf } from '../requests/request-id';
import { routeConfigOf } from '../requests/route-config';
import { forwardedWithoutPorts } from '../requests/trusted-proxies';
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

/** Adds the steps of every request as hooks of Fastify, because an interceptor of Nest takes several times as long. */
export const addHooks = (instance: FastifyInstance, deps: HookDeps): void => {
  instance.addHook('onRequest', onRequest(deps));
  instance.addHook('preValidation', onBodyRead(deps));
  instance.addHook('preSerialization', (request, reply, payload, done) =>
    done(null, unwrapTagged(payload, request, reply)),
  );
  // Once the application closes, the last answer of each connection closes the connection.
  let closing = false;
  instance.addHook('preClose', async () => {
    closing = true;
  });
  instance.addHook(
    'onSend',
    onSend(deps, () => closing),
  );
  instance.addHook('onResponse', onResponse(deps));
  instance.addHook('onClose', async () => {
    deps.inFlight.close();
    deps.arrivals.close();
  });
};

const FORWARDED = 'x-forwarded-for';

const onRequest =
  ({ connections, arrivals, inFlight, securityHeaders }: HookDeps) =>
  (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    openContext(request, request.id);
    const { headers } = request.raw;
    // Before the first use of `request.ip`.
    if (typeof headers[FORWARDED] === 'string') headers[FORWARDED] = forwardedWithoutPorts(headers[FORWARDED]);
    if (connections.isBehindClose(request.raw)) {
      reply.hijack();
      done();
      return;
    }
    reply.header('x-request-id', request.id);
    reply.headers(securityHeaders.of(request.raw.url ?? '/'));
    // The answer to a write may hold tokens, links or keys that are shown only once.
    if (!isRead(request)) reply.header('cache-control', 'no-store');
    // A request whose body is still arriving is counted separately and does not count as a request in flight.
    const enter = hasBody(request.raw) ? arrivals.enter : inFlight.enter;
    done(findDuplicateHeader(request.raw) ?? enter(request, reply));
  };

/** Runs after the body was read. */
const onBodyRead =
  ({ arrivals, inFlight }: HookDeps) =>
  (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    done(arrivals.leave(reply) ? inFlight.enter(request, reply) : undefined);
  };

const TOO_LARGE = 413;

type Done = (error: Error | null, payload?: unknown) => void;

const onSend =
  (deps: HookDeps, isClosing: () => boolean) =>
  (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void => {
    const state = requestStateOf(request);
    // The deadline and the controller can both answer. The second answer is dropped while the first one is completed.
    if (state.answering) return;
    const isBodyRead = reply.statusCode !== TOO_LARGE || request.raw.complete;
    const isReady = state.position === undefined && state.lease === undefined && state.rateLimit !== undefined;
    if (isReady && isBodyRead && !isClosing()) {
      done(null, finish(request, reply, state, payload));
      return;
    }
    state.answering = true;
    const completed = complete(deps, request, reply, state, payload);
    const ready = isClosing() ? completed.then((it) => closeLast(deps.connections, request, reply, it)) : completed;
    ready.then((completePayload) => {
      state.answering = false;
      try {
        done(null, finish(request, reply, state, completePayload));
      } catch (error) {
        deps.logger.error({ requestId: state.requestId, err: error }, 'an answer could not be sent');
        reply.raw.destroy();
      }
    });
  };

/**
 * While the application closes, the answer to the last request of a connection has `Connection: close`. Earlier answers
 * must not have it, because Node would drop the answers after them. Fastify sets the header on every answer, so it is
 * removed from the earlier ones.
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

/** The asynchronous steps before an answer is sent. Never rejects. */
const complete = async (
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
 * Counts a request that was answered before `ContractGuard` could count it: an unknown path, a malformed body or an
 * invalid access token. A client that sends too many of them gets the problem `rate-limited` instead of the answer.
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

/** The last step of an answer: sets the rate limit headers, and replaces the answer with 304 if the client has it. */
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
    logRequest(logger, request, reply, state, ms);
    done();
  };

/**
 * Logs one line for a request: at `debug` if it succeeded, because a line takes about as much time as a small request
 * and the histogram counts them anyway; at `info` for a status from 400; at `warn` for a status from 500.
 */
const logRequest = (
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
    // The path template if there is one, because paths can contain tokens.
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

/** Pino ignores lines below its level, but collecting the fields of a line takes time, too. */
const isDebugging = (logger: Logger & { isLevelEnabled?: (level: string) => boolean }): boolean =>
  logger.isLevelEnabled?.('debug') ?? true;
