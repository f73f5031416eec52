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

/** Hands a UUID of the path, in lower case, to a controller's method. @throws Problem at `/path/<name>` */
export const PathId =
  (name: string): ParameterDecorator =>
  (target, method, index) => {
    fromPath(name)(target, method, index);
    const descriptor = method === undefined ? undefined : Object.getOwnPropertyDescriptor(target, method);
    if (method !== undefined && descriptor)
      ApiParam({ name, type: String, format: 'uuid' })(target, method, descriptor);
  };
