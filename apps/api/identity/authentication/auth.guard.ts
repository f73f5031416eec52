import { type ExecutionContext, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AuthGuard as PassportGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import { isStopped, may, type Permission, rolesNeeded, worksAlways } from '#domain/tenant/permissions';
import { requireUnlocked } from '#domain/tenant/requirements';
import type { Role } from '#domain/tenant/roles';
import { EndedSessions } from '#identity/sessions/ended-sessions';
import { Problem } from '#platform/problems';
import { mayBeReplayed } from '../../http/contract/idempotency';
import { OF_USER } from '../../http/contract/require-permission.decorator';
import { toProblem } from '../../http/problems/to-problem';
import { actsInNone } from '../../http/requests/command-context';
import { type AuthenticatedUser, contextOf, type Principal, requestStateOf } from '../../http/requests/request-context';
import { Gate } from '../../ops/gate';
import { Quota } from '../../plans/quota';
import { type Access, accessOf } from './access';
import { KeyLookupFailed, type Verified } from './jwt.strategy';
import { type CachedMembership, MembershipCache } from './membership-cache';
import { mayGiveUpOwnRight } from './own-right-removal';
import { VerifiedTokens } from './verified-tokens';

/** Longer than any token of ours. */
const MAX_HEADER = 4_096;
const SCHEME = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

const NOT_THEIRS = 'You are no longer a member of this tenant. Sign in again.';

const unauthenticated = (detail: string, cause?: unknown): Problem =>
  new Problem('unauthenticated', { detail }, { cause });

/**
 * Lets nobody in without a valid access token, but to routes that are marked `@Public()`; and to a tenant's routes only
 * who belongs to it now, in a role that may do this. A token is verified once, by passport-jwt, and then known for as long
 * as it and its session are good; a membership is asked for once a second: the common request costs two looks into maps.
 */
@Injectable()
export class AuthGuard extends PassportGuard('jwt') implements OnModuleInit, OnApplicationShutdown {
  readonly #access = new Map<unknown, Access>();

  constructor(
    private readonly cache: VerifiedTokens,
    private readonly ended: EndedSessions,
    private readonly authority: MembershipCache,
    private readonly quota: Quota,
    private readonly operators: Gate,
  ) {
    super();
  }

  async onModuleInit(): Promise<void> {
    this.authority.watch();
    await this.ended.watch(() => this.cache.drop(({ sessionId }) => this.ended.has(sessionId)));
  }

  /** After the last request was answered: until then, ended sessions and memberships are refused. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.ended.close(), this.authority.close()]);
  }

  override canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const access = this.accessTo(execution);
    if (access.anyone && !access.needs) return true;
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    if (access.operators) {
      this.operators.admit(request);
      return true;
    }
    const { authorization } = request.headers;
    if (authorization === undefined) {
      if (access.anyone) return true;
      throw unauthenticated('This route needs an access token. Send it as Authorization: Bearer …');
    }
    const known = this.cache.get(authorization);
    if (known) return this.admit(request, known, access);
    if (authorization.length > MAX_HEADER || !SCHEME.test(authorization))
      throw unauthenticated('The access token is malformed.');
    return this.verify(execution, request, authorization).then((principal) => this.admit(request, principal, access));
  }

  private async verify(
    execution: ExecutionContext,
    request: FastifyRequest,
    authorization: string,
  ): Promise<AuthenticatedUser> {
    await super.canActivate(execution);
    const { expiresAt, ...principal } = (request as FastifyRequest & { user: Verified }).user;
    if (this.ended.has(principal.sessionId)) throw unauthenticated('The session has ended. Sign in again.');
    this.cache.put(authorization, principal, expiresAt);
    return principal;
  }

  /** Whether somebody whose token is good may use the route now. */
  private admit(request: FastifyRequest, principal: AuthenticatedUser, { needs }: Access): boolean | Promise<boolean> {
    if (needs === undefined || needs === OF_USER) {
      contextOf(request).principal = principal;
      requestStateOf(request).ofUserAlone = true;
      return true;
    }
    if (principal.tenantId === undefined) throw actsInNone();
    const seat = this.authority.remembered(principal.tenantId, principal.userId);
    if (seat === undefined || !allows(seat, needs)) return this.ask(request, principal, needs);
    return this.seat(request, principal, needs, seat);
  }

  private async ask(request: FastifyRequest, principal: Principal, permission: Permission): Promise<boolean> {
    const { tenantId, userId } = principal;
    // Beside the look at the membership; a request that is accepted waits for both.
    void this.quota.know(tenantId);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const seat = await this.authority.seatOf(tenantId, userId, (it) => allows(it, permission), isRead);
    if (seat !== undefined && allows(seat, permission)) return this.seat(request, principal, permission, seat);
    letIn(request, principal, seat?.role ?? principal.role);
    requestStateOf(request).ofUserAlone = true;
    const problem = seat ? refusalOf(seat, permission) : unauthenticated(NOT_THEIRS);
    const isTold = problem.status === 402 || mayGiveUpOwnRight(request, permission, userId);
    deny(request, problem, isTold);
    return true;
  }

  /** Anyone who may do it: as one more call of their tenant. */
  private seat(
    request: FastifyRequest,
    principal: Principal,
    permission: Permission,
    { role, calls }: CachedMembership,
  ): boolean | Promise<boolean> {
    letIn(request, principal, role);
    if (calls === null || worksAlways(permission)) return true;
    const { tenantId } = principal;
    const count = (): true => {
      const problem = this.quota.count(requestStateOf(request), tenantId, calls);
      if (problem) deny(request, problem, true);
      return true;
    };
    const looking = this.quota.know(tenantId);
    return looking ? looking.then(count) : count();
  }

  /** Whatever is wrong with a token, the answer is the same, so that it reveals nothing. */
  override handleRequest<User>(error: unknown, user: User | false | null, info: unknown): User {
    if (user) return user;
    if (error) throw error;
    if (info instanceof KeyLookupFailed) throw info.cause;
    const expired = info instanceof Error && info.name === 'TokenExpiredError';
    throw unauthenticated(expired ? 'The access token has expired.' : 'The access token is not valid.', info);
  }

  private accessTo(execution: ExecutionContext): Access {
    const handler = execution.getHandler();
    const known = this.#access.get(handler);
    if (known) return known;
    const access = accessOf(execution.getClass(), handler);
    this.#access.set(handler, access);
    return access;
  }
}

const allows = ({ role, standing }: CachedMembership, permission: Permission): boolean =>
  may(role, permission) && !isStopped(standing, permission);

const refusalOf = ({ role, standing }: CachedMembership, permission: Permission): Problem => {
  if (!may(role, permission)) return new Problem('forbidden', { detail: rolesNeeded(permission) });
  try {
    requireUnlocked(standing, permission);
  } catch (refusal) {
    return toProblem(refusal);
  }
  return new Problem('internal-error');
};

/**
 * @param isTold what came of the same request before
 * @throws the problem, unless the request has an idempotency key with a stored answer, which is sent instead
 */
const deny = (request: FastifyRequest, problem: Problem, isTold: boolean): void => {
  if (!isTold || !mayBeReplayed(request)) throw problem;
  requestStateOf(request).denied = problem;
};

/** As what they are now, whatever the token says. */
const letIn = (request: FastifyRequest, principal: Principal, role: Role): true => {
  contextOf(request).principal = principal.role === role ? principal : { ...principal, role };
  return true;
};
