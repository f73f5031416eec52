import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Position } from '#event-log/port';
import type { Operator } from '#identity/operators/operators';
import type { IdempotencyLease } from '#platform/idempotency/store';
import { uuidv7 } from '#platform/ids/uuid';
import type { Problem } from '#platform/problems';

/** The user, tenant, role and session in a verified access token. */
export interface Principal {
  readonly userId: string;
  readonly tenantId: string;
  readonly role: 'owner' | 'admin' | 'member' | 'auditor';
  readonly sessionId: string;
  /** The membership for which the token was issued, see `Member.since`. Undefined: any membership. */
  readonly memberSince?: number | undefined;
}

/** A signed-in user, with or without a tenant. */
export type AuthenticatedUser = Principal | (Pick<Principal, 'userId' | 'sessionId'> & { readonly tenantId?: never });

/** An operator who signed in with a token. */
export interface SignedInOperator extends Operator {
  /** UUID of the token. */
  readonly tokenId: string;
  /** When the token expires: milliseconds since 1970. */
  readonly expiresAt: number;
}

/** Data of one request that guards, controllers, commands and the answer share. */
export interface RequestContext {
  /** `X-Request-Id`, or a generated id. It is the correlation id of every event that the request causes. */
  readonly requestId: string;
  /** UUIDv7. With an idempotency key, it is the id of the first request with this key. */
  commandId: string;
  /** True if the result of an earlier request with the same idempotency key is not known: its events may be stored. */
  mayRepeat: boolean;
  /** Undefined on a public route without an access token. */
  principal: AuthenticatedUser | undefined;
  /** The access record of the principal's session, for the events of this request. Undefined in reads. */
  accessId: string | undefined;
  /** Position of the last event that this request stored. The answer waits until the read models have reached it. */
  position: Position | undefined;
  /**
   * Tenant of the `Position` in the answer, if it is not the principal's: after a sign-up or an accepted invitation.
   */
  positionTenant?: string | undefined;
  /** Tenant that a user wants to join. A refusal is recorded for this tenant and not for the one in the token. */
  joining?: string | undefined;
  /** User in the answer to a request without an access token. The stored answer is deleted with the user. */
  answeredUser?: string | undefined;
  /** SHA-256 of the refresh token of a new session in the answer. */
  answeredTokenHash?: Buffer | undefined;
}

/** The state of a request for the HTTP layer. Controllers see only {@link RequestContext}. */
export class RequestState implements RequestContext {
  mayRepeat = false;
  principal: AuthenticatedUser | undefined = undefined;
  accessId: string | undefined = undefined;
  position: Position | undefined = undefined;
  positionTenant: string | undefined = undefined;
  joining: string | undefined = undefined;
  answeredUser: string | undefined = undefined;
  answeredTokenHash: Buffer | undefined = undefined;
  /** The claim on the idempotency key, until its answer is stored. */
  lease: IdempotencyLease | undefined = undefined;
  /** The signed-in operator, on routes for operators. */
  operator: SignedInOperator | undefined = undefined;
  /**
   * Why the signed-in user may not do this now. It is thrown only if the idempotency key has no stored answer: a user
   * who lost the permission through this very request (by leaving or closing the tenant), or whose tenant is locked
   * meanwhile, can still get the answer of the first request.
   */
  deniedProblem: Problem | undefined = undefined;
  /** True if the rate limit of the user counts the request: it is not about a tenant, or the tenant has refused it. */
  countsForUser = false;
  /** Value of the header `RateLimit`; undefined until the request was counted. */
  rateLimit: string | undefined = undefined;
  /** Value of the header `RateLimit-Policy`. */
  rateLimitPolicy: string | undefined = undefined;
  /** The same for the monthly API calls of the plan; undefined if the request is not counted as an API call. */
  quota: string | undefined = undefined;
  quotaPolicy: string | undefined = undefined;
  /** True while the last steps of the answer run. A second answer is dropped meanwhile. */
  answering = false;
  /** `performance.now()` when the headers of the request had arrived, in ms. */
  readonly startedAt: number = performance.now();
  #commandId: string | undefined = undefined;

  constructor(readonly requestId: string) {}

  // It is generated on first use, because most requests are reads and need none.
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

/** Creates the state of a request; the first hook calls it. */
export const openContext = (request: FastifyRequest, requestId: string): RequestState => {
  const state = new RequestState(requestId);
  (request as WithState)[STATE] = state;
  return state;
};

/** The state of a request, for the HTTP layer. */
export const requestStateOf = (request: FastifyRequest): RequestState =>
  (request as WithState)[STATE] ?? openContext(request, request.id);

/** The context of a request. */
export const contextOf = (request: FastifyRequest): RequestContext => requestStateOf(request);

/** Parameter of a controller's method: the context of the request. */
export const Context = createParamDecorator(
  (_: unknown, execution: ExecutionContext): RequestContext => requestStateOf(execution.switchToHttp().getRequest()),
);
