import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { sendProblem } from '../problems/problem-document';
import { toProblem } from '../problems/to-problem';
import { answerClientError } from '../requests/client-errors';
import { BODY_LIMIT } from '../requests/json-body';
import { requestIdOf } from '../requests/request-id';
import { fastifyTrustProxy } from '../requests/trusted-proxies';
import type { HttpOptions } from './options';
import type { SecurityHeaders } from './security-headers';

/** ms after the longest time of a request for which a connection without any traffic stays open. */
const IDLE_SOCKET_MS = 30_000;

/**
 * Creates the adapter of Nest for Fastify, with a time limit for everything for which a client can make the server
 * wait.
 */
export const createAdapter = (options: HttpOptions, securityHeaders: SecurityHeaders): FastifyAdapter => {
  const { requestTimeoutMs = 10_000, trustProxy = false } = options;
  const adapter = new FastifyAdapter({
    // No middleware of Nest is used, so its hook is left out.
    skipMiddie: true,
    bodyLimit: BODY_LIMIT,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: requestTimeoutMs + IDLE_SOCKET_MS,
    keepAliveTimeout: 72_000,
    // A request that arrived before the stop is answered, and its answer closes the connection.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    trustProxy: fastifyTrustProxy(trustProxy),
    genReqId: requestIdOf,
    routerOptions: { maxParamLength: 512 },
    http: {
      // Node swaps the two timeouts if that of the headers is longer. Its default of 60 s would then be the limit of a
      // body.
      headersTimeout: requestTimeoutMs,
      // By default, Node checks for overdue requests every 30 s only.
      connectionsCheckingInterval: Math.min(1_000, Math.max(100, requestTimeoutMs / 4)),
      // Node would answer with an empty 400. The first hook answers with a problem document.
      requireHostHeader: false,
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      reply.header('x-request-id', request.id).headers(securityHeaders.of('/'));
      sendProblem(toProblem(error), request, reply);
    },
  });
  const { server } = adapter.getInstance();
  // Node would answer an unknown `Expect` header with an empty 417. It is ignored instead.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  return adapter;
};
