import type { FastifyReply, FastifyRequest } from 'fastify';
import { createOperatorTokens, type OperatorTokens } from '#identity/operators/operator-tokens';
import { createOperators, type Operators } from '#identity/operators/operators';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import type { ApiContext } from '../core/api-context';
import type { PublicUrl } from '../core/public-url';
import { pathOf } from '../http/problems/problem-document';
import { isRead } from '../http/requests/is-read';
import { requestStateOf, type SignedInOperator } from '../http/requests/request-context';
import { LOGIN_PATH } from './paths';

const COOKIE = 'tenantry-operator';
const SCHEME = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;
const FROM_OTHER_SITE = 'The request came from a page of another site. Open the operator page and try again.';

export interface GateDeps {
  readonly tokens: Pick<OperatorTokens, 'verify'>;
  readonly operators: Pick<Operators, 'find'>;
  readonly publicUrl: PublicUrl;
}

const cookieOf = ({ headers }: FastifyRequest): string | undefined => {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === COOKIE) return value;
  }
  return undefined;
};

/**
 * True if a page of this server sent the request. It is decided by `Sec-Fetch-Site` or `Origin`, which a page cannot
 * set. A browser sends one of them with every write of a script. A request with a cookie and without both headers is
 * refused.
 */
const isFromOwnPage = ({ headers, host }: FastifyRequest): boolean => {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin = '' } = headers;
  return URL.canParse(origin) && new URL(origin).host === host;
};

/** Authenticates operators by a token in `Authorization`, or by the cookie that a browser received for a token. */
export const createGate = ({ tokens, operators, publicUrl }: GateDeps) => {
  const cookie = (value: string, seconds: number): string => {
    const secure = publicUrl().startsWith('https:') ? '; Secure' : '';
    return `${COOKIE}=${value}; Path=/ops; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
  };

  /** The operator of a token; undefined if the token is not valid or has expired, or if the operator was removed. */
  const verify = async (token: string): Promise<SignedInOperator | undefined> => {
    const verified = tokens.verify(token);
    if (!verified) return undefined;
    const { operatorId: id, tokenId, expiresAt } = verified;
    const operator = await operators.find({ id });
    return operator && { ...operator, tokenId, expiresAt };
  };

  const authenticate = async (token: string | undefined): Promise<SignedInOperator> => {
    const operator = token === undefined ? undefined : await verify(token);
    if (operator) return operator;
    throw new Problem('unauthenticated', {
      detail:
        'This route needs an operator token. Create one with `tenantry operators token` and send it as Authorization: Bearer …',
    });
  };

  return {
    /**
     * Authenticates the operator of a request and stores the operator in its state.
     * @throws Problem unauthenticated: the token is missing, not valid or expired, or the operator was removed
     * @throws Problem forbidden: a page of another site sent a write with the cookie
     * @throws the error of the database
     */
    admit: async (request: FastifyRequest): Promise<void> => {
      const { authorization } = request.headers;
      const token = authorization === undefined ? cookieOf(request) : SCHEME.exec(authorization)?.[1];
      const operator = await authenticate(token);
      if (authorization === undefined && !isRead(request) && !isFromOwnPage(request))
        throw new Problem('forbidden', { detail: FROM_OTHER_SITE });
      requestStateOf(request).operator = operator;
    },
    verify,
    /** Sets the cookie, until the token expires. */
    open: (reply: FastifyReply, token: string, { expiresAt }: Pick<SignedInOperator, 'expiresAt'>): void => {
      reply.header('set-cookie', cookie(token, Math.max(0, Math.floor((expiresAt - Date.now()) / 1_000))));
    },
    /** Deletes the cookie. */
    close: (reply: FastifyReply): void => {
      reply.header('set-cookie', cookie('', 0));
    },
  };
};

/** The gate of an API. */
export const openGate = ({ secretKey, projectorPool }: ApiContext, publicUrl: PublicUrl): Gate =>
  createGate({ tokens: createOperatorTokens(secretKey), operators: createOperators(projectorPool), publicUrl });

/** Authenticates operators; see {@link createGate}. */
export abstract class Gate extends tokenClass<ReturnType<typeof createGate>>() {}

/**
 * The path under /ops for a redirect after the sign-in. Any other value becomes `/ops`, so that no link leads to
 * another site.
 */
export const safeNext = (next: string | undefined): string =>
  next !== undefined && /^\/ops(\/[\w\-./%]*)?$/.test(next) && !/\/\/|\.\./.test(next) ? next : '/ops';

/**
 * Redirects a browser that requests a page of operators without a valid token to the login page.
 * @returns false, without an answer, for a request of a program or another problem
 */
export const sendToLogin = (problem: Problem, request: FastifyRequest, reply: FastifyReply): boolean => {
  const path = pathOf(request.raw.url ?? '/');
  const isPageRequest = isRead(request) && request.headers.accept?.includes('text/html') === true;
  if (problem.problem !== 'unauthenticated' || !isPageRequest || !/^\/ops(\/|$)/.test(path)) return false;
  reply.header('cache-control', 'no-store').redirect(`${LOGIN_PATH}?next=${encodeURIComponent(path)}`, 303);
  return true;
};
