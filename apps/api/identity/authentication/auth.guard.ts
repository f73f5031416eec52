import { type ExecutionContext, Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AuthGuard as PassportGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import {
  hasPermission,
  isBlockedByLock,
  type Permission,
  rolesNeeded,
  worksWhileLocked,
} from '#domain/tenant/permissions';
import { requireUnlocked } from '#domain/tenant/requirements';
import type { Role } from '#domain/tenant/roles';
import { EndedSessions } from '#identity/sessions/ended-sessions';
import { Problem } from '#platform/problems';
import { mayBeReplayed } from '../../http/contract/idempotency';
import { SIGNED_IN } from '../../http/contract/require-permission.decorator';
import { toProblem } from '../../http/problems/to-problem';
import { tenantRequired } from '../../http/requests/command-context';
import { isRead } from '../../http/requests/is-read';
import { type AuthenticatedUser, contextOf, type Principal, requestStateOf } from '../../http/requests/request-context';
import { Gate } from '../../ops/gate';
import { Quota } from '../../plans/quota';
import { type Access, accessOf } from './access';
import type { CachedMembership } from './cached-membership';
import { KeyLookupFailed, type Verified } from './jwt.strategy';
import { MembershipCache } from './membership-cache';
import { mayRemoveOwnRight } from './own-right-removal';
import { VerifiedTokens } from './verified-tokens';

/** Characters; longer than any access token that this server issues. */
const MAX_HEADER = 4_096;
const SCHEME = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

const NOT_A_MEMBER = 'You are no longer a member of this tenant. Sign in again.';

const unauthenticated = (detail: string, cause?: unknown): Problem =>
  new Problem('unauthenticated', { detail }, { cause });

/**
 * Admits a request to a route. Routes that are not marked `@Public()` need a valid access token. Routes of a tenant
 * also need a present membership with a role that has the permission. A token is verified once, by passport-jwt, and
 * cached until it expires or its session ends. A membership is cached for a second. So the usual request costs two
 * lookups in maps.
 */
@Injectable()
export class AuthGuard extends PassportGuard('jwt') implements OnModuleInit, OnApplicationShutdown {
  readonly #access = new Map<unknown, Access>();

  constructor(
    private readonly tokens: VerifiedTokens,
    private readonly endedSessions: EndedSessions,
    private readonly memberships: MembershipCache,
    private readonly quota: Quota,
    private readonly operators: Gate,
  ) {
    super();
  }

  async onModuleInit(): Promise<void> {
    this.memberships.watch();
    await this.endedSessions.watch(() => this.tokens.drop(({ sessionId }) => this.endedSessions.has(sessionId)));
  }

  /** Nest calls this after the last answer, so that ended sessions and memberships are refused until then. */
  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.endedSessions.close(), this.memberships.close()]);
  }

  override canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const access = this.accessTo(execution);
    if (access.isPublic && !access.requiredPermission) return true;
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    if (access.operators) return this.operators.admit(request).then(() => true);
    const { authorization } = request.headers;
    if (authorization === undefined) {
      if (access.isPublic) return true;
      throw unauthenticated('This route needs an access token. Send it as Authorization: Bearer …');
    }
    const verified = this.tokens.get(authorization);
    if (verified) return this.admit(request, verified, access);
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
    if (this.endedSessions.has(principal.sessionId)) throw unauthenticated('The session has ended. Sign in again.');
    this.tokens.put(authorization, principal, expiresAt);
    return principal;
  }

  /**
   * Decides whether a user with a valid token may use the route now.
   * @throws Problem forbidden, unauthenticated, workspace-locked, plan-limit-reached
   * @throws the error of the log while it is not available
   */
  private admit(
    request: FastifyRequest,
    principal: AuthenticatedUser,
    { requiredPermission }: Access,
  ): boolean | Promise<boolean> {
    if (requiredPermission === undefined || requiredPermission === SIGNED_IN) {
      contextOf(request).principal = principal;
      requestStateOf(request).countsForUser = true;
      return true;
    }
    if (principal.tenantId === undefined) throw tenantRequired();
    const membership = this.memberships.cached(principal.tenantId, principal.userId);
    if (membership === undefined || !isOf(membership, principal) || !allows(membership, requiredPermission))
      return this.admitByLog(request, principal, requiredPermission);
    return this.admitMember(request, principal, requiredPermission, membership);
  }

  /** For a request that the cached membership does not allow. */
  private async admitByLog(request: FastifyRequest, principal: Principal, permission: Permission): Promise<boolean> {
    const { tenantId, userId } = principal;
    // Starts now, so that it runs while the membership is read. An admitted request waits for both.
    void this.quota.load(tenantId);
    const isEnough = (it: CachedMembership) => isOf(it, principal) && allows(it, permission);
    const found = await this.memberships.find(tenantId, userId, isEnough, isRead(request));
    const membership = found && isOf(found, principal) ? found : undefined;
    if (membership !== undefined && allows(membership, permission))
      return this.admitMember(request, principal, permission, membership);
    setPrincipal(request, principal, membership?.role ?? principal.role);
    requestStateOf(request).countsForUser = true;
    const problem = membership ? refusalOf(membership, permission) : unauthenticated(NOT_A_MEMBER);
    const mayReplay = problem.status === 402 || mayRemoveOwnRight(request, permission, userId);
    deny(request, problem, mayReplay);
    return true;
  }

  /** Admits a member with the permission, and counts the request as an API call of the tenant. */
  private admitMember(
    request: FastifyRequest,
    principal: Principal,
    permission: Permission,
    { role, calls }: CachedMembership,
  ): boolean | Promise<boolean> {
    setPrincipal(request, principal, role);
    if (calls === null || worksWhileLocked(permission)) return true;
    const { tenantId } = principal;
    const count = (): true => {
      const problem = this.quota.count(requestStateOf(request), tenantId, calls);
      if (problem) deny(request, problem, true);
      return true;
    };
    const loading = this.quota.load(tenantId);
    return loading ? loading.then(count) : count();
  }

  /** All defects of a token but its expiry get the same answer, so that the answer reveals nothing. */
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

/** False if the user has left or was removed since the session was opened, and has joined again. */
const isOf = ({ since }: CachedMembership, { memberSince }: Principal): boolean =>
  memberSince === undefined || memberSince === since;

const allows = ({ role, standing }: CachedMembership, permission: Permission): boolean =>
  hasPermission(role, permission) && !isBlockedByLock(standing, permission);

const refusalOf = ({ role, standing }: CachedMembership, permission: Permission): Problem => {
  if (!hasPermission(role, permission)) return new Problem('forbidden', { detail: rolesNeeded(permission) });
  try {
    requireUnlocked(standing, permission);
  } catch (refusal) {
    return toProblem(refusal);
  }
  return new Problem('internal-error');
};

/**
 * Refuses a request; or, if a stored answer may be replayed, leaves the refusal to the handling of its idempotency key.
 * @param mayReplay the user may receive the stored answer of the same request
 * @throws Problem the given one, unless `mayReplay` is true and the request has an idempotency key
 */
const deny = (request: FastifyRequest, problem: Problem, mayReplay: boolean): void => {
  if (!mayReplay || !mayBeReplayed(request)) throw problem;
  requestStateOf(request).deniedProblem = problem;
};

/** The role of the present membership replaces the one in the token. */
const setPrincipal = (request: FastifyRequest, principal: Principal, role: Role): void => {
  contextOf(request).principal = principal.role === role ? principal : { ...principal, role };
};
