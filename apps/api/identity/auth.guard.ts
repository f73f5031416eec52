import { type ExecutionContext, Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { AuthGuard as PassportGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import type { TokenCache } from '../../../libs/identity/token-cache';
import { Problem } from '../../../libs/platform/problems';
import { IS_PUBLIC } from '../http/public.decorator';
import { contextOf, type Principal } from '../http/request-context';
import { IDENTITY, TOKEN_CACHE } from '../tokens';
import type { Identity } from './identity.service';
import { KeyLookupFailed, type Verified } from './jwt.strategy';

/** Longer than any token of ours. */
const MAX_HEADER = 4_096;
const SCHEME = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

const unauthenticated = (detail: string, cause?: unknown): Problem =>
  new Problem('unauthenticated', { detail }, { cause });

/**
 * Lets nobody in without a valid access token, but to routes that are marked `@Public()`. A token is verified once, by
 * passport-jwt, and then known for as long as it and its session are good: the common request costs one look into a map.
 */
@Injectable()
export class AuthGuard extends PassportGuard('jwt') implements OnModuleInit, OnModuleDestroy {
  readonly #public = new Map<unknown, boolean>();

  constructor(
    @Inject(TOKEN_CACHE) private readonly cache: TokenCache<Principal>,
    @Inject(IDENTITY) private readonly identity: Identity,
  ) {
    super();
  }

  async onModuleInit(): Promise<void> {
    const { ended } = this.identity;
    await ended.watch(() => this.cache.drop(({ sessionId }) => ended.has(sessionId)));
  }

  onModuleDestroy(): Promise<void> {
    return this.identity.ended.close();
  }

  override canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    if (this.isPublic(execution)) return true;
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const { authorization } = request.headers;
    if (authorization === undefined) throw unauthenticated('This needs an access token: Authorization: Bearer …');
    const known = this.cache.get(authorization);
    if (known) {
      contextOf(request).principal = known;
      return true;
    }
    if (authorization.length > MAX_HEADER || !SCHEME.test(authorization))
      throw unauthenticated('The access token is malformed.');
    return this.verify(execution, request, authorization);
  }

  private async verify(execution: ExecutionContext, request: FastifyRequest, authorization: string): Promise<boolean> {
    await super.canActivate(execution);
    const { expiresAt, ...principal } = (request as FastifyRequest & { user: Verified }).user;
    if (this.identity.ended.has(principal.sessionId)) throw unauthenticated('The session has ended. Sign in again.');
    this.cache.put(authorization, principal, expiresAt);
    contextOf(request).principal = principal;
    return true;
  }

  /** Whatever is wrong with a token, a stranger is told one thing. */
  override handleRequest<User>(error: unknown, user: User | false | null, info: unknown): User {
    if (user) return user;
    if (error) throw error;
    if (info instanceof KeyLookupFailed) throw info.cause;
    const expired = info instanceof Error && info.name === 'TokenExpiredError';
    throw unauthenticated(expired ? 'The access token has expired.' : 'The access token is not valid.', info);
  }

  private isPublic(execution: ExecutionContext): boolean {
    const handler = execution.getHandler();
    const known = this.#public.get(handler);
    if (known !== undefined) return known;
    const marked = Boolean(
      Reflect.getMetadata(IS_PUBLIC, handler) ?? Reflect.getMetadata(IS_PUBLIC, execution.getClass()),
    );
    this.#public.set(handler, marked);
    return marked;
  }
}
