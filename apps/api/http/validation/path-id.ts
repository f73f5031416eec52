import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { isUuid } from './fields';
import { invalid } from './validation';

const fromPath = createParamDecorator((name: string, execution: ExecutionContext): string => {
  const { params } = execution.switchToHttp().getRequest<FastifyRequest<{ Params: Record<string, string> }>>();
  const value = params[name];
  if (isUuid(value)) return value.toLowerCase();
  throw invalid([{ pointer: `/path/${name}`, message: 'must be a UUID' }]);
});

/**
 * Parameter of a controller's method: a UUID of the path, in lower case.
 * @param description in the OpenAPI document
 * @throws Problem validation-failed at `/path/<name>`: it is not a UUID
 */
export const PathId =
  (name: string, description: string): ParameterDecorator =>
  (target, method, index) => {
    fromPath(name)(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method !== undefined && descriptor)
      ApiParam({ name, description, type: String, format: 'uuid' })(target, method, descriptor);
  };
