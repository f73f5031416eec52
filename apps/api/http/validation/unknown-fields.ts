import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum';
import type { FastifyRequest } from 'fastify';
import { escapePointer, invalid } from './validation';

const acceptsAny = (controller: object, method: string, ...kinds: readonly RouteParamtypes[]): boolean => {
  const parameters = Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, method) as object | undefined;
  // The keys of Nest's metadata are `<kind>:<index>`.
  return Object.keys(parameters ?? {}).some((it) => kinds.some((kind) => it.startsWith(`${kind}:`)));
};

/** True if a controller's method has a `@Query()`. Its DTO then decides which query parameters are accepted. */
export const acceptsQuery = (controller: object, method: string): boolean =>
  acceptsAny(controller, method, RouteParamtypes.QUERY);

/** True if a controller's method has a `@Body()` or a `@Req()`. */
export const acceptsBody = (controller: object, method: string): boolean =>
  acceptsAny(controller, method, RouteParamtypes.BODY, RouteParamtypes.REQUEST);

/**
 * Refuses every query parameter of an API route without a `@Query()`. HTML pages ignore unknown parameters, because
 * other applications add parameters to the links that lead to them.
 * @throws Problem validation-failed, with one error for each parameter
 */
export const refuseQuery = ({ raw, query }: FastifyRequest): void => {
  const { url = '' } = raw;
  if (!url.includes('?') || !url.startsWith('/v1/')) return;
  const names = Object.keys(query as object);
  if (names.length === 0) return;
  throw invalid(
    names.map((name) => ({ pointer: `/query/${escapePointer(name)}`, message: 'is not a known field; remove it' })),
  );
};

/**
 * Refuses every field in the body of an API route without a `@Body()`. An empty object is accepted.
 * @throws Problem validation-failed, with one error for each field
 */
export const refuseBody = ({ raw, body }: FastifyRequest): void => {
  if (body === undefined || body === null || !raw.url?.startsWith('/v1/')) return;
  const names = typeof body === 'object' ? Object.keys(body) : [''];
  if (names.length === 0) return;
  throw invalid(
    names.map((name) => ({ pointer: name && `/${escapePointer(name)}`, message: 'is not a known field; remove it' })),
  );
};
