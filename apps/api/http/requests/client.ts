import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { addressKey } from '../limits/rate-limits';

/** What a request tells of the client that sent it. */
export interface ClientInfo {
  /** What it calls itself. */
  readonly userAgent: string | undefined;
  /** Its IPv4 address, or the /64 of its IPv6 address. */
  readonly network: string;
}

/** Hands {@link ClientInfo} to a controller's method; unlike Nest's `@Headers` it asks nothing of the client. */
export const Client = createParamDecorator((_: unknown, execution: ExecutionContext): ClientInfo => {
  const { headers, ip } = execution.switchToHttp().getRequest<FastifyRequest>();
  return { userAgent: headers['user-agent'], network: addressKey(ip ?? '') };
});
