import type { FastifyRequest } from 'fastify';

/** Options of a route: in `config` of a Fastify route, or in Nest's `@RouteConfig()` of a controller's method. */
export interface RouteOptions {
  /** For requests of machines: no rate limit counts them, and they are answered under any load. */
  readonly unlimited?: boolean;
  /** Longest time in ms for a request, if it differs from the general one: for a long poll or an export. */
  readonly deadlineMs?: number;
}

/** The options of the request's route; empty if there is no such route. */
export const routeConfigOf = (request: FastifyRequest): RouteOptions =>
  (request.routeOptions?.config as RouteOptions | undefined) ?? {};
