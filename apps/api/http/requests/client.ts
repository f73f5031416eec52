import { isIP } from 'node:net';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Access, type ClientOrigin, MAX_USER_AGENT } from '#access/access';
import { addressKey } from '../limits/rate-limits';

/** The client that sent a request. */
export interface ClientInfo extends ClientOrigin {
  /** Its IPv4 address, or the first 64 bits of its IPv6 address. */
  readonly network: string;
}

/**
 * From where a request was sent. An IPv4 address is not written as an IPv6 address; a proxy may send a word in place of
 * an address, which counts as not known.
 */
const originOf = ({ headers, ip }: Pick<FastifyRequest, 'headers' | 'ip'>): ClientOrigin => ({
  address: isIP(ip ?? '') === 0 ? null : ip.replace(/^::ffff:(?=\d+\.)/i, ''),
  userAgent: headers['user-agent']?.slice(0, MAX_USER_AGENT) ?? null,
});

/** The access of a request with an access token of a session. */
export const accessOfSession = (request: Pick<FastifyRequest, 'headers' | 'ip'>, sessionId: string): Access => ({
  ...{ kind: 'session', credentialId: sessionId },
  ...originOf(request),
});

/** The access of a request with the token of an operator. */
export const accessOfOperator = (request: Pick<FastifyRequest, 'headers' | 'ip'>, tokenId: string): Access => ({
  ...{ kind: 'operator-token', credentialId: tokenId },
  ...originOf(request),
});

/**
 * Parameter of a controller's method: the {@link ClientInfo} of the request. Unlike Nest's `@Headers`, it does not add
 * a required header to the OpenAPI document.
 */
export const Client = createParamDecorator((_: unknown, execution: ExecutionContext): ClientInfo => {
  const request = execution.switchToHttp().getRequest<FastifyRequest>();
  return { ...originOf(request), network: addressKey(request.ip ?? '') };
});
