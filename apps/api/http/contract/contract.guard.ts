import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RATE_LIMIT } from '../limits/rate-limit.decorator';
import type { RateLimits } from '../limits/rate-limits';
import { type RequestState, requestStateOf } from '../requests/request-context';
import { routeConfigOf } from '../requests/route-config';
import { refuseBody, refuseQuery, takesBody, takesQuery } from '../validation/unknown-fields';
import type { Consistency } from './consistency';
import { refuseIfMatch, takesIfMatch } from './etag';
import type { Idempotency } from './idempotency';

/** `createApp` provides it to every module. */
export abstract class ContractDeps {
  abstract readonly rateLimits: RateLimits;
  abstract readonly consistency: Consistency | undefined;
  abstract readonly idempotency: Idempotency | undefined;
}

/**
 * What the contract does for each request between authentication and controller: refuse a query, a body or an `If-Match`
 * that nothing reads, count it, wait for `If-Position`, bind its `Idempotency-Key`. One guard and not three, and no promise
 * for the request that has neither of the last two.
 */
@Injectable()
export class ContractGuard implements CanActivate {
  readonly #routes = new Map<unknown, Route>();

  constructor(private readonly parts: ContractDeps) {}

  canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const state = requestStateOf(request);
    const { unlimited } = routeConfigOf(request);
    const { policy, hasQuery, hasBody, minds } = this.routeOf(execution);
    // What is refused here is counted with its answer.
    if (!unlimited) {
      if (!hasQuery) refuseQuery(request);
      if (!hasBody) refuseBody(request);
      if (!minds) refuseIfMatch(request);
    }
    const counting = unlimited ? undefined : this.parts.rateLimits.count(request, state, policy);
    const { idempotency, consistency } = this.parts;
    // Stripe's events are one by their own ids, and anyone who has no signature must not make us keep anything.
    const bound = !unlimited && idempotency?.concerns(request) === true;
    const waits = consistency?.concerns(request, state) === true;
    if (counting === undefined && !bound && !waits && state.denied === undefined) return true;
    return this.slowly(request, state, counting, bound, waits);
  }

  private async slowly(
    request: FastifyRequest,
    state: RequestState,
    counting: void | Promise<void>,
    bound: boolean,
    waits: boolean,
  ): Promise<boolean> {
    await counting;
    if (waits) await this.parts.consistency?.beforeRead(request, state);
    if (bound) await this.parts.idempotency?.begin(request, state);
    if (state.denied) throw state.denied;
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
      hasQuery: takesQuery(controller, handler.name),
      hasBody: takesBody(controller, handler.name),
      minds: takesIfMatch(handler),
    };
    this.#routes.set(handler, route);
    return route;
  }
}

/** What the decorators of a controller's method say. */
interface Route {
  readonly policy: string | undefined;
  readonly hasQuery: boolean;
  readonly hasBody: boolean;
  /** It takes `If-Match`. */
  readonly minds: boolean;
}
