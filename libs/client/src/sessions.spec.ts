import type { Send } from './retries';
import { withSession } from './sessions';
import { createMemoryTokens, type Tokens } from './tokens';

const BASE = 'https://example.com/api';
const OLD: Tokens = { accessToken: 'access-1', refreshToken: 'refresh-1' };
const NEW: Tokens = { accessToken: 'access-2', refreshToken: 'refresh-2' };

interface Sent {
  readonly path: string;
  readonly authorization: string | null;
  readonly position: string | null;
}

describe('the session of a client', () => {
  let sent: Sent[];
  beforeEach(() => {
    sent = [];
  });

  /** A client in a session whose server answers with the function. */
  const clientOf = (answer: (path: string, request: Request) => Response, initial?: Tokens) => {
    const tokens = createMemoryTokens(initial);
    const server: Send = async (request) => {
      const path = new URL(request.url).pathname;
      sent.push({
        path,
        authorization: request.headers.get('authorization'),
        position: request.headers.get('if-position'),
      });
      await new Promise((resolve) => setImmediate(resolve));
      return answer(path, request);
    };
    const send = withSession(server, { baseUrl: BASE, tokens });
    const request = (path: string, method = 'GET') =>
      send(new Request(`${BASE}${path}`, { method, ...(method !== 'GET' && { body: '{}' }) }));
    return { tokens, request };
  };
  const json = (body: object, status = 200, headers: Record<string, string> = {}) =>
    Response.json(body, { status, headers });
  /** A server for which only the new access token is valid. */
  const expired = (path: string, request: Request): Response => {
    if (path === '/api/v1/sessions/refresh') return json(NEW, 201);
    return json({}, request.headers.get('authorization') === 'Bearer access-2' ? 200 : 401);
  };

  it.each(['/v1/signup', '/v1/sessions', '/v1/sessions/switch', '/v1/tenants', '/v1/invitations/accept'])(
    'begins with the tokens in the answer of %s',
    async (path) => {
      const { tokens, request } = clientOf(() => json(NEW, 201));
      await request(path, 'POST');
      expect(tokens.get()).toEqual(NEW);
      await request('/v1/me');
      expect(sent.map(({ authorization }) => authorization)).toEqual([null, 'Bearer access-2']);
    },
  );

  it('does not send the tokens of before with a new sign-in', async () => {
    const { request } = clientOf(() => json(NEW, 201), OLD);
    await request('/v1/sessions', 'POST');
    await request('/v1/sessions');
    expect(sent.map(({ authorization }) => authorization)).toEqual([null, 'Bearer access-2']);
  });

  it('gets new tokens once for all requests whose access token has expired, and sends these again', async () => {
    const { tokens, request } = clientOf(expired, OLD);
    const answers = await Promise.all([request('/v1/me'), request('/v1/tenant'), request('/v1/projects', 'POST')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(sent.filter(({ path }) => path.endsWith('/refresh'))).toHaveLength(1);
    expect(tokens.get()).toEqual(NEW);
  });

  it('ends if its refresh token is not valid any more', async () => {
    const { tokens, request } = clientOf(() => json({}, 401), OLD);
    expect((await request('/v1/me')).status).toBe(401);
    expect(tokens.get()).toBeUndefined();
  });

  it('goes on if new tokens cannot be had at the moment', async () => {
    const { tokens, request } = clientOf((path) => json({}, path.endsWith('/refresh') ? 503 : 401), OLD);
    expect((await request('/v1/me')).status).toBe(401);
    expect(tokens.get()).toEqual(OLD);
  });

  it('reads what it has written, until it changes to another tenant', async () => {
    const { request } = clientOf(
      (path) => (path.endsWith('/switch') ? json(NEW, 201) : json({}, 200, { position: 'p1' })),
      OLD,
    );
    await request('/v1/projects');
    await request('/v1/projects', 'POST');
    await request('/v1/projects');
    await request('/v1/sessions/switch', 'POST');
    await request('/v1/projects');
    expect(sent.map(({ position }) => position)).toEqual([null, null, 'p1', null, null]);
  });

  it('ends with the sign-out', async () => {
    const { tokens, request } = clientOf(() => new Response(null, { status: 204 }), OLD);
    await request('/v1/sessions/current', 'DELETE');
    expect(tokens.get()).toBeUndefined();
  });
});
