import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Registry } from 'prom-client';
import type { AccessRecords } from '#access/access-records';
import type { Logger } from '#platform/logging/logger.port';
import type { Problem } from '#platform/problems';
import type { Readiness } from '#platform/readiness/readiness';
import type { PositionWaiter } from '#projecting/read-your-writes/position-waiter.port';
import type { IdempotencyOptions } from '../contract/idempotency';
import type { RefusedRequest } from '../contract/refused-request';
import type { RateLimitOptions } from '../limits/rate-limits';
import type { Limiter, RatePolicy } from '../limits/rate-window';
import type { TrustProxy } from '../requests/trusted-proxies';

/** Options of the HTTP application. */
export interface HttpOptions {
  readonly logger: Logger;
  /** 32 bytes, the same in every process. */
  readonly secretKey: Buffer;
  readonly rateLimits: RateLimitOptions;
  /** Creates the counters of rate limits; they are in the memory of this process by default. */
  readonly makeLimiter?: ((policy: RatePolicy) => Limiter) | undefined;
  /**
   * The proxies whose `X-Forwarded-For` is used: none (`false`, the default), a number of proxies, or these addresses.
   */
  readonly trustProxy?: TrustProxy;
  /** Origins of browser applications that may send requests; none by default. */
  readonly corsOrigins?: readonly string[];
  /** Longest time in ms for a request; 10,000 by default. */
  readonly requestTimeoutMs?: number;
  /**
   * Time in ms for which `close` waits for unanswered requests before it closes their connections; 10,000 by default.
   */
  readonly shutdownGraceMs?: number;
  /** Longest time in ms that a request waits for the read models; 2,000 by default. */
  readonly consistencyWaitMs?: number;
  /** Maximum number of requests at once; 2,000 by default. Above it, new requests are answered 503. */
  readonly maxInFlight?: number;
  /**
   * Maximum number of requests at once whose bodies have not arrived; 2,000 by default. Above it, the oldest are
   * answered 503.
   */
  readonly maxArriving?: number;
  /** The same for one client address; 128 by default. Above it, new requests are answered 429. */
  readonly maxArrivingPerAddress?: number;
  /**
   * Maximum number of connections of one address that is no trusted proxy; 1,000 by default. Above it, idle ones are
   * closed.
   */
  readonly maxConnectionsPerAddress?: number;
  /** Time in ms for a client to read an answer; 60,000 by default. After it, the connection is closed. */
  readonly readingMs?: number;
  /** Delay of the event loop in ms above which requests are answered 503; 1,000 by default. 0: never. */
  readonly maxEventLoopDelayMs?: number;
  /** Without it, `Position` is not sent and `If-Position` is ignored. */
  readonly waiter?: PositionWaiter;
  /** Finds the access record of each write. Without it, events name no access record. */
  readonly accessRecords?: Pick<AccessRecords, 'find'>;
  /** Without it, `Idempotency-Key` is ignored. */
  readonly idempotency?: Pick<IdempotencyOptions, 'store' | 'isUsableToken'>;
  /** The checks of `/readyz`. The HTTP application adds its own checks to them. */
  readonly readiness?: Pick<Readiness, 'failing' | 'add'>;
  /** The metrics of `/metrics`; the route does not exist by default. */
  readonly registry?: Registry | undefined;
  /** The token that `/metrics` requires. Undefined: none. */
  readonly metricsToken?: string | undefined;
  /** `note` is called for every refused request of a member, or of a user who wants to join a tenant. */
  readonly refusals?: { note(refused: RefusedRequest, problem: Problem): void };
  /** Adds routes without a controller. */
  readonly addRoutes?: (instance: FastifyInstance) => void;
  /** Version in the OpenAPI documents; `1` by default. */
  readonly version?: string;
  /** URL at which clients reach the API, for the OpenAPI documents; `/` by default. */
  readonly publicUrl?: () => string;
  /** Requires the token of an operator. Without it, the OpenAPI document for operators is not served. */
  readonly admitOperator?: (request: FastifyRequest) => Promise<void>;
}
