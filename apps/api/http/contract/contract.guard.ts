import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { AccessRecords } from '#access/access-records';
import { RATE_LIMIT } from '../limits/rate-limit.decorator';
import type { RateLimits } from '../limits/rate-limits';
import { accessOfSession } from '../requests/client';
import { isRead } from '../requests/is-read';
import { type RequestState, requestStateOf } from '../requests/request-context';
import { routeConfigOf } from '../requests/route-config';
import { acceptsBody, acceptsQuery, refuseBody, refuseQuery } from '../validation/unknown-fields';
import type { Consistency } from './consistency';
import type { Idempotency } from './idempotency';
import { acceptsIfMatch, refusePreconditions } from './preconditions';

/** The dependencies of {@link ContractGuard}. `createApp` provides them to every module. */
export abstract class ContractDeps {
  abstract readonly rateLimits: RateLimits;
  abstract readonly consistency: Consistency | undefined;
  abstract readonly idempotency: Idempotency | undefined;
  /** Undefined: events name no access record. */
  abstract readonly accessRecords: Pick<AccessRecords, 'find'> | undefined;
}

/**
 * Applies the HTTP contract to each request, after authentication and before the controller: refuses a query, a body or
 * an `If-Match` that the route does not read, counts the request for the rate limits, waits for `If-Position`, claims the
 * `Idempotency-Key`, and finds the access record of a write by a signed-in user. It is one guard and not several, and
 * it returns no promise if nothing has to be awaited, because several guards or a promise would cost time in every
 * request.
 */
@Injectable()
export class ContractGuard implements CanActivate {
  readonly #routes = new Map<unknown, Route>();

  constructor(private readonly deps: ContractDeps) {}

  canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const state = requestStateOf(request);
    const { unlimited } = routeConfigOf(request);
    const { policy, hasQuery, hasBody, hasIfMatch } = this.routeOf(execution);
    // A request that is refused here is counted when its answer is sent (`countLate` in hooks.ts).
    if (!unlimited) {
      if (!hasQuery) refuseQuery(request);
      if (!hasBody) refuseBody(request);
      if (!hasIfMatch) refusePreconditions(request);
    }
    const counting = unlimited ? undefined : this.deps.rateLimits.count(request, state, policy);
    const { idempotency, consistency } = this.deps;
    // The Stripe webhook ignores the header: events have their own ids, and a sender without a valid signature must not
    // make the server store anything.
    const hasKey = !unlimited && idempotency?.appliesTo(request) === true;
    const hasPosition = consistency?.appliesTo(request, state) === true;
    if (counting === undefined && !hasKey && !hasPosition && state.deniedProblem === undefined)
      return this.findAccessRecord(request, state);
    return this.canActivateLater(request, state, counting, hasKey, hasPosition);
  }

  private async canActivateLater(
    request: FastifyRequest,
    state: RequestState,
    counting: void | Promise<void>,
    hasKey: boolean,
    hasPosition: boolean,
  ): Promise<boolean> {
    await counting;
    if (hasPosition) await this.deps.consistency?.beforeRead(request, state);
    if (hasKey) await this.deps.idempotency?.begin(request, state);
    if (state.deniedProblem) throw state.deniedProblem;
    return this.findAccessRecord(request, state);
  }

  /** For the events of the request. */
  private findAccessRecord(request: FastifyRequest, state: RequestState): boolean | Promise<boolean> {
    const { accessRecords } = this.deps;
    const { principal } = state;
    if (!accessRecords || !principal || isRead(request)) return true;
    const found = accessRecords.find(accessOfSession(request, principal.sessionId), principal.userId);
    if (typeof found !== 'string')
      return found.then((id) => {
        state.accessId = id;
        return true;
      });
    state.accessId = found;
    return true;
  }

  private routeOf(execution: ExecutionContext): Route {
    const handler = execution.getHandler();
    const known = this.#routes.get(handler);
    if (known) return known;
    const policy = Reflect.getMetadata(RATE_LIMIT, handler) as string | undefined;
    const controller = execution.getClass();
    const route = {
      policy,
      hasQuery: acceptsQuery(controller, handler.name),
      hasBody: acceptsBody(controller, handler.name),
      hasIfMatch: acceptsIfMatch(handler),
    };
    this.#routes.set(handler, route);
    return route;
  }
}

/** The declarations of the decorators of a controller's method. */
interface Route {
  /** Name of the rate limit; undefined for the general limit. */
  readonly policy: string | undefined;
  readonly hasQuery: boolean;
  readonly hasBody: boolean;
  readonly hasIfMatch: boolean;
}
