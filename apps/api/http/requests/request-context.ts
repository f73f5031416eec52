import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Position } from '#event-log/port';
import type { Operator } from '#identity/tokens/operator-tokens';
import type { IdempotencyLease } from '#platform/idempotency/store';
import { uuidv7 } from '#platform/ids/uuid';
import type { Problem } from '#platform/problems';

/** Who asks, and which tenant they act in, as the verified access token says. */
export interface Principal {
  readonly userId: string;
  readonly tenantId: string;
  readonly role: 'owner' | 'admin' | 'member' | 'auditor';
  readonly sessionId: string;
}

/** Somebody who is signed in, in a tenant or in none. */
export type AuthenticatedUser = Principal | (Pick<Principal, 'userId' | 'sessionId'> & { readonly tenantId?: never });

/** What one request carries from guard to controller to command to answer. */
export interface RequestContext {
  /** `X-Request-Id`, or one made here; the correlation id of every event that the request causes. */
  readonly requestId: string;
  /** UUIDv7; with an idempotency key it is the one that the key was bound to first. */
  commandId: string;
  /** True where the same key came before and its outcome is not known: the command may be in the log already. */
  mayRepeat: boolean;
  principal: AuthenticatedUser | undefined;
  /** The last position that this request wrote; a write answers once the read models have it. */
  position: Position | undefined;
  /** Whose `Position` it is, where that is not the principal's tenant: of a sign-up, of an accepted invitation. */
  positionTenant?: string | undefined;
  /** The tenant that a user wants to join: its plan may refuse the request, whatever tenant the token names. */
  joining?: string | undefined;
  /** Whom the answer is about, where nobody was signed in: what is kept of it is erased with them. */
  answeredUser?: string | undefined;
}

/** What the shared HTTP parts keep of a request, beyond what controllers see. */
export class RequestState implements RequestContext {
  mayRepeat = false;
  principal: AuthenticatedUser | undefined = undefined;
  position: Position | undefined = undefined;
  positionTenant: string | undefined = undefined;
  joining: string | undefined = undefined;
  answeredUser: string | undefined = undefined;
  lease: IdempotencyLease | undefined = undefined;
  /** Who operates, on the routes that are for operators. */
  operator: Operator | undefined = undefined;
  /**
   * Why the signed-in user may not do this now, told where their idempotency key has no answer yet: anyone who took away
   * their own right, by leaving or closing the tenant, may ask what came of it; so may everybody whom a lock stops.
   */
  denied: Problem | undefined = undefined;
  /** True where the request counts for the user alone: it is none of the tenant's, or the tenant has not let it in. */
  ofUserAlone = false;
  /** The `RateLimit` field; undefined until the request was counted. */
  rateLimit: string | undefined = undefined;
  rateLimitPolicy: string | undefined = undefined;
  /** The same of the calls that the plan allows in a month; undefined where they are not counted. */
  quota: string | undefined = undefined;
  quotaPolicy: string | undefined = undefined;
  /** True while its answer is being finished: nobody may answer it a second time meanwhile. */
  answering = false;
  /** `performance.now()` when the request came. */
  readonly startedAt: number = performance.now();
  #commandId: string | undefined = undefined;

  constructor(readonly requestId: string) {}

  // Made when it is asked for: most requests are reads.
  get commandId(): string {
    this.#commandId ??= uuidv7();
    return this.#commandId;
  }

  set commandId(id: string) {
    this.#commandId = id;
  }
}

const STATE = Symbol('request state');
type WithState = FastifyRequest & { [STATE]?: RequestState };

export const openContext = (request: FastifyRequest, requestId: string): RequestState => {
  const state = new RequestState(requestId);
  (request as WithState)[STATE] = state;
  return state;
};

/** For the shared HTTP parts; every request has one from the first hook on. */
export const requestStateOf = (request: FastifyRequest): RequestState =>
  (request as WithState)[STATE] ?? openContext(request, request.id);

/** The request's context; every request has one from the first hook on. */
export const contextOf = (request: FastifyRequest): RequestContext => requestStateOf(request);

/** Hands the request's context to a controller's method. */
export const Context = createParamDecorator(
  (_: unknown, execution: ExecutionContext): RequestContext => requestStateOf(execution.switchToHttp().getRequest()),
);
