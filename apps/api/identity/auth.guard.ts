import { type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { AuthGuard as PassportGuard } from '@nestjs/passport';
import type { FastifyRequest } from 'fastify';
import type { TokenCache } from '../../../libs/identity/token-cache';
import { Problem } from '../../../libs/platform/problems';
import { IS_PUBLIC } from '../http/public.decorator';
import { contextOf, type Principal } from '../http/request-context';
import { TOKEN_CACHE } from '../tokens';
import type { Verified } from './jwt.strategy';

/** Longer than any token of ours. */
const MAX_HEADER = 4_096;
const SCHEME = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

const unauthenticated = (detail: string, cause?: unknown): Problem =>
  new Problem('unauthenticated', { detail }, { cause });

/**
 * Lets nobody in without a valid access token, but to routes that are marked `@Public()`. A token is verified once, by
 * passport-jwt, and then known for as long as it is good: the common request costs one look into a map.
 */
@Injectable()
export class AuthGuard extends PassportGuard('jwt') {
  readonly #public = new Map<unknown, boolean>();

  constructor(@Inject(TOKEN_CACHE) private readonly cache: TokenCache<Principal>) {
    super();
  }

  override canActivate(execution: ExecutionContext): boolean | Promise<boolean> {
    const request = execution.switchToHttp().getRequest<FastifyRequest>();
    const { authorization } = request.headers;
    const isPublic = this.isPublic(execution);
    if (isPublic) return true;
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
    this.cache.put(authorization, principal, expiresAt);
    contextOf(request).principal = principal;
    return true;
  }

  /** Whatever is wrong with a token, a stranger is told one thing. */
  override handleRequest<User>(error: unknown, user: User | false | null, info: unknown): User {
    if (user) return user;
    // A database that is away is no fault of the token.
    if (error && !(error instanceof Error && /of ours$/.test(error.message))) throw error;
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
