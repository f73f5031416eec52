import type { Send } from './retries.js';
import { type TokenStore, type Tokens, tokensIn } from './tokens.js';

const REFRESH = '/v1/sessions/refresh';
/** Routes whose answers open a session. */
const OPENING = new Set([
  ...['/v1/signup', '/v1/sessions', REFRESH, '/v1/sessions/switch', '/v1/tenants', '/v1/invitations/accept'],
]);
/** Routes that need no session, and that are used without one. */
const PUBLIC = new Set(['POST /v1/signup', 'POST /v1/sessions', `POST ${REFRESH}`]);
const SIGN_OUT = '/v1/sessions/current';

export interface SessionOptions {
  readonly baseUrl: string;
  readonly tokens: TokenStore;
}

/**
 * Sends requests in a session: it adds the access token, keeps the tokens of answers that open a session, gets new ones
 * when the access token has expired, and reads what the client has written before (`If-Position`).
 */
export const withSession = (send: Send, { baseUrl, tokens }: SessionOptions): Send => {
  const root = new URL(baseUrl).pathname.replace(/\/$/, '');
  const pathOf = ({ url }: Request): string => new URL(url).pathname.slice(root.length);
  /** The refresh that is under way: several requests wait for the same one. */
  let refreshing: Promise<Tokens | undefined> | undefined;
  /** Of the last write in this session. */
  let position: string | undefined;

  const keep = async (next: Tokens | undefined): Promise<void> => {
    position = undefined;
    await tokens.set(next);
  };

  const refresh = async (expired: Tokens): Promise<Tokens | undefined> => {
    const known = await tokens.get();
    // Another request has refreshed the token since this one was sent.
    if (known?.accessToken !== expired.accessToken) return known;
    const body = JSON.stringify({ refreshToken: expired.refreshToken });
    const headers = { 'content-type': 'application/json' };
    const answer = await send(new Request(`${baseUrl}${REFRESH}`, { method: 'POST', headers, body }));
    if (answer.ok) {
      const next = tokensIn(await answer.json());
      await tokens.set(next);
      return next;
    }
    // The session has ended. With another status, the tokens may still be valid.
    if (answer.status === 401) await keep(undefined);
    return undefined;
  };

  const refreshOnce = (expired: Tokens): Promise<Tokens | undefined> => {
    refreshing ??= refresh(expired).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  };

  const sendWith = (request: Request, { accessToken }: Tokens): Promise<Response> => {
    const attempt = request.clone();
    attempt.headers.set('authorization', `Bearer ${accessToken}`);
    return send(attempt);
  };

  const sendSigned = async (request: Request, path: string): Promise<Response> => {
    const known = await tokens.get();
    const isSigned = known !== undefined && !PUBLIC.has(`${request.method} ${path}`);
    if (!isSigned || request.headers.has('authorization')) return send(request);
    const response = await sendWith(request, known);
    if (response.status !== 401) return response;
    const next = await refreshOnce(known);
    return next ? sendWith(request, next) : response;
  };

  return async (request) => {
    const path = pathOf(request);
    const isRead = request.method === 'GET';
    if (isRead && position !== undefined && !request.headers.has('if-position'))
      request.headers.set('if-position', position);
    const response = await sendSigned(request, path);
    if (!response.ok || isRead) return response;
    if (OPENING.has(path)) {
      const opened = tokensIn(await response.clone().json());
      if (opened) await keep(opened);
    } else if (path === SIGN_OUT) await keep(undefined);
    position = response.headers.get('position') ?? position;
    return response;
  };
};
