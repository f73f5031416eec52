import type { FastifyInstance } from 'fastify';
import type { Registry } from 'prom-client';
import type { IdempotencyStore } from '#platform/idempotency/store';
import type { Logger } from '#platform/logging/logger.port';
import type { Problem } from '#platform/problems';
import type { Readiness } from '#platform/readiness/readiness';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import type { RefusedRequest } from '../contract/refused-request';
import type { RateLimitOptions } from '../limits/rate-limits';
import type { Limiter, RatePolicy } from '../limits/rate-window';
import type { TrustProxy } from '../requests/trusted-proxies';

/** What the HTTP application takes from its surroundings. */
export interface HttpOptions {
  readonly logger: Logger;
  /** 32 bytes, the same for every process. */
  readonly secretKey: Buffer;
  readonly rateLimits: RateLimitOptions;
  /** Makes what counts; in this process by default. */
  readonly makeLimiter?: ((policy: RatePolicy) => Limiter) | undefined;
  /** Whose `X-Forwarded-For` counts: nobody's, that of so many proxies, or of these addresses. */
  readonly trustProxy?: TrustProxy;
  /** Browser applications that may call; none by default. */
  readonly corsOrigins?: readonly string[];
  /** ms that a request may take; 10,000 by default. */
  readonly requestTimeoutMs?: number;
  /** ms that `close` waits for requests under way before it cuts their connections; 10,000 by default. */
  readonly shutdownGraceMs?: number;
  /** ms that an answer waits for the read models; 2,000 by default. */
  readonly consistencyWaitMs?: number;
  /** Requests at once; 2,000 by default. Beyond it they are answered 503. */
  readonly maxInFlight?: number;
  /** Requests at once whose bodies have not arrived; 2,000 by default. */
  readonly maxArriving?: number;
  /** The same of one client address; 128 by default. Beyond it they are answered 429. */
  readonly maxArrivingPerAddress?: number;
  /** Connections of one address that is no trusted proxy; 1,000 by default. Beyond it idle ones are closed. */
  readonly maxConnectionsPerAddress?: number;
  /** ms that a client may take to read an answer; 60,000 by default. */
  readonly readingMs?: number;
  /** ms; 1,000 by default. Requests are answered 503 while the event loop is late by more. */
  readonly maxEventLoopDelayMs?: number;
  /** Left out, `Position` and `If-Position` mean nothing. */
  readonly waiter?: PositionWaiter;
  /** Left out, `Idempotency-Key` means nothing. */
  readonly idempotency?: IdempotencyStore;
  /** What `/readyz` answers for. The HTTP part adds what it needs itself. */
  readonly readiness?: Pick<Readiness, 'failing' | 'add'>;
  /** Served at `/metrics`; no metrics by default. */
  readonly registry?: Registry | undefined;
  /** Told of what is refused to whom; nobody by default. */
  readonly refusals?: { note(refused: RefusedRequest, problem: Problem): void };
  /** Adds routes that no controller has. */
  readonly addRoutes?: (instance: FastifyInstance) => void;
  /** The version that the OpenAPI document names. */
  readonly version?: string;
}
