import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { addressKey } from '../limits/rate-limits';

/** The client that sent a request. */
export interface ClientInfo {
  /** Its `User-Agent` header. */
  readonly userAgent: string | undefined;
  /** Its IPv4 address, or the first 64 bits of its IPv6 address. */
  readonly network: string;
}

/**
 * Parameter of a controller's method: the {@link ClientInfo} of the request. Unlike Nest's `@Headers`, it does not add
 * a required header to the OpenAPI document.
 */
export const Client = createParamDecorator((_: unknown, execution: ExecutionContext): ClientInfo => {
  const { headers, ip } = execution.switchToHttp().getRequest<FastifyRequest>();
  return { userAgent: headers['user-agent'], network: addressKey(ip ?? '') };
});
