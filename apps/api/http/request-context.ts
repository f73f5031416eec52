import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Position } from '../../../libs/event-log/port';
import { uuidv7 } from '../../../libs/platform/ids/uuid';

/** Who asks, as the verified access token says. */
export interface Principal {
  readonly personId: string;
  readonly tenantId: string;
  readonly role: 'owner' | 'admin' | 'member' | 'auditor';
  readonly sessionId: string;
}

/** What one request carries from guard to interceptor to controller to command. */
export interface RequestContext {
  /** `X-Request-Id`, or one made here; the correlation id of every event that the request causes. */
  readonly requestId: string;
  /** UUIDv7; with an idempotency key it is the one that the key was bound to first. */
  commandId: string;
  /** True where the same key came before and its outcome is not known: the command may be in the log already. */
  mayRepeat: boolean;
  principal: Principal | undefined;
  /** The last position that this request wrote; a write answers once the read models have it. */
  position: Position | undefined;
}

const CONTEXT = Symbol('request context');
type WithContext = FastifyRequest & { [CONTEXT]?: RequestContext };

export const openContext = (request: FastifyRequest, requestId: string): RequestContext => {
  const context: RequestContext = {
    requestId,
    commandId: uuidv7(),
    mayRepeat: false,
    principal: undefined,
    position: undefined,
  };
  (request as WithContext)[CONTEXT] = context;
  return context;
};

/** The request's context; every request has one from the first hook on. */
export const contextOf = (request: FastifyRequest): RequestContext =>
  (request as WithContext)[CONTEXT] ?? openContext(request, uuidv7());

/** Hands the request's context to a controller's method. */
export const Context = createParamDecorator(
  (_: unknown, execution: ExecutionContext): RequestContext => contextOf(execution.switchToHttp().getRequest()),
);
