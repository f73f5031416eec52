import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Operator, OperatorTokens } from '#identity/tokens/operator-tokens';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import type { PublicUrl } from '../core/public-url';
import { pathOf } from '../http/problems/problem-document';
import { requestStateOf } from '../http/requests/request-context';
import { LOGIN_PATH } from './paths';

const COOKIE = 'tenantry-operator';
const SCHEME = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;
const ELSEWHERE = 'The request came from a page of another site. Open the operator page and try again.';

export interface GateDeps {
  readonly tokens: OperatorTokens;
  readonly publicUrl: PublicUrl;
}

const cookieOf = ({ headers }: FastifyRequest): string | undefined => {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === COOKIE) return value;
  }
  return undefined;
};

const isRead = ({ method }: FastifyRequest): boolean => method === 'GET' || method === 'HEAD';

/**
 * Whether a page of our own sent it, by what no page can forge. A browser sends one of the two with every write that a
 * script makes; what has neither comes from no browser that could be trusted to keep the cookie.
 */
const isFromOurPage = ({ headers, host }: FastifyRequest): boolean => {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site === 'same-origin';
  const { origin = '' } = headers;
  return URL.canParse(origin) && new URL(origin).host === host;
};

/** Lets operators in: by a token in `Authorization`, or by the cookie that a browser was given for one. */
export const createGate = ({ tokens, publicUrl }: GateDeps) => {
  const cookie = (value: string, seconds: number): string => {
    const secure = publicUrl().startsWith('https:') ? '; Secure' : '';
    return `${COOKIE}=${value}; Path=/ops; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
  };

  const byToken = (token: string | undefined): Operator => {
    const operator = token === undefined ? undefined : tokens.verify(token);
    if (operator) return operator;
    throw new Problem('unauthenticated', {
      detail:
        'This route needs an operator token. Create one with `tenantry operators token` and send it as Authorization: Bearer …',
    });
  };

  return {
    /** @throws Problem unauthenticated; forbidden for a write that another site's page sent with the cookie */
    admit: (request: FastifyRequest): void => {
      const { authorization } = request.headers;
      const operator = byToken(authorization === undefined ? cookieOf(request) : SCHEME.exec(authorization)?.[1]);
      if (authorization === undefined && !isRead(request) && !isFromOurPage(request))
        throw new Problem('forbidden', { detail: ELSEWHERE });
      requestStateOf(request).operator = operator;
    },
    /** Who brings this token to the page. */
    verify: tokens.verify,
    open: (reply: FastifyReply, token: string, { expiresAt }: Operator): void => {
      reply.header('set-cookie', cookie(token, Math.max(0, Math.floor((expiresAt - Date.now()) / 1_000))));
    },
    close: (reply: FastifyReply): void => {
      reply.header('set-cookie', cookie('', 0));
    },
  };
};

export abstract class Gate extends tokenClass<ReturnType<typeof createGate>>() {}

/** A path under /ops to come back to; anything else would lead anyone who signs in wherever a link says. */
export const safeNext = (next: string | undefined): string =>
  next !== undefined && /^\/ops(\/[\w\-./%]*)?$/.test(next) && !/\/\/|\.\./.test(next) ? next : '/ops';

/**
 * Sends a browser that asks for a page of operators, and is none's, to sign in.
 * @returns false where a program asks, or something else is wrong
 */
export const sendToLogin = (problem: Problem, request: FastifyRequest, reply: FastifyReply): boolean => {
  const path = pathOf(request.raw.url ?? '/');
  const wanted = isRead(request) && request.headers.accept?.includes('text/html') === true;
  if (problem.problem !== 'unauthenticated' || !wanted || !/^\/ops(\/|$)/.test(path)) return false;
  reply.header('cache-control', 'no-store').redirect(`${LOGIN_PATH}?next=${encodeURIComponent(path)}`, 303);
  return true;
};
