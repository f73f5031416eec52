import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum';
import type { FastifyRequest } from 'fastify';
import { escaped, invalid } from './validation';

const takes = (controller: object, method: string, ...kinds: readonly RouteParamtypes[]): boolean => {
  const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) as object | undefined;
  // Nest's names are `<kind>:<index>`.
  return Object.keys(parameters ?? {}).some((it) => kinds.some((kind) => it.startsWith(`${kind}:`)));
};

/** Whether a controller's method asks for a `@Query()`: then its DTO says which fields there are. */
export const takesQuery = (controller: object, method: string): boolean =>
  takes(controller, method, RouteParamtypes.QUERY);

/** Whether a controller's method asks for a `@Body()`, or for the whole request. */
export const takesBody = (controller: object, method: string): boolean =>
  takes(controller, method, RouteParamtypes.BODY, RouteParamtypes.REQUEST);

/**
 * Refuses each field of the query of a route that has none. Only of the API: to pages people come by links to which others
 * add fields of their own.
 * @throws Problem validation-failed
 */
export const refuseQuery = ({ raw, query }: FastifyRequest): void => {
  const { url = '' } = raw;
  if (!url.includes('?') || !url.startsWith('/v1/')) return;
  const names = Object.keys(query as object);
  if (names.length === 0) return;
  throw invalid(names.map((name) => ({ pointer: `/query/${escaped(name)}`, message: 'is not known here' })));
};

/**
 * Refuses each field of the body of a route that has none. An empty object is none.
 * @throws Problem validation-failed
 */
export const refuseBody = ({ raw, body }: FastifyRequest): void => {
  if (body === undefined || body === null || !raw.url?.startsWith('/v1/')) return;
  const names = typeof body === 'object' ? Object.keys(body) : [''];
  if (names.length === 0) return;
  throw invalid(names.map((name) => ({ pointer: name && `/${escaped(name)}`, message: 'is not known here' })));
};
