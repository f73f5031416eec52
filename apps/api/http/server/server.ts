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

/** ms beyond a request's own time after which a connection that moves no byte is closed. */
const IDLE_SOCKET_MS = 30_000;

/** Fastify under Nest, with a bound on everything that a client can make it wait for. */
export const createAdapter = (options: HttpOptions, securityHeaders: SecurityHeaders): FastifyAdapter => {
  const { requestTimeoutMs = 10_000, trustProxy = false } = options;
  const adapter = new FastifyAdapter({
    // Nest's middleware is not used, so that its hook need not run.
    skipMiddie: true,
    bodyLimit: BODY_LIMIT,
    requestTimeout: requestTimeoutMs,
    connectionTimeout: requestTimeoutMs + IDLE_SOCKET_MS,
    keepAliveTimeout: 72_000,
    // What came before the end of the listening is served; its answer closes the connection.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    trustProxy: fastifyTrustProxy(trustProxy),
    genReqId: requestIdOf,
    routerOptions: { maxParamLength: 512 },
    http: {
      // Node swaps the two where the headers' is the longer one: its own 60 s would be the bound on a body.
      headersTimeout: requestTimeoutMs,
      // Node looks for overdue requests every 30 s by default.
      connectionsCheckingInterval: Math.min(1_000, Math.max(100, requestTimeoutMs / 4)),
      // Node would answer it with an empty 400; the first hook answers it with a problem.
      requireHostHeader: false,
    },
    clientErrorHandler: answerClientError,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      reply.header('x-request-id', request.id).headers(securityHeaders.of('/'));
      sendProblem(toProblem(error), request, reply);
    },
  });
  const { server } = adapter.getInstance();
  // Node would answer it with an empty 417; no expectation but 100-continue means anything, so it is ignored.
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
  return adapter;
};
