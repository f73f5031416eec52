import type { FastifyRequest } from 'fastify';

/** What a route may say of itself: a Fastify route in `config`, a controller's method with Nest's `@RouteConfig()`. */
export interface RouteOptions {
  /** For machines: not counted by any rate limit, and answered under any load. */
  readonly unlimited?: boolean;
  /** ms that a request may take, where it is not the usual: of a long poll, of an export. */
  readonly deadlineMs?: number;
}

/** Empty where no route was found. */
export const routeConfigOf = (request: FastifyRequest): RouteOptions =>
  (request.routeOptions?.config as RouteOptions | undefined) ?? {};
