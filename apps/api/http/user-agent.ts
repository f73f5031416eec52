import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';

/** Hands the client's `User-Agent` to a controller's method; unlike Nest's `@Headers` it asks nothing of the client. */
export const UserAgent = createParamDecorator(
  (_: unknown, execution: ExecutionContext): string | undefined =>
    execution.switchToHttp().getRequest<FastifyRequest>().headers['user-agent'],
);
