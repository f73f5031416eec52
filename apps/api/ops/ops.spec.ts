import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp } from '#test/support/identity-app';
import { addTestOperator, asOperatorRole, OPERATOR_CAUSE, operatorTokenOf } from '#testing/operators';

const FROM_OWN_PAGE = { host: 'api.example.com', 'sec-fetch-site': 'same-origin' };

describe('the routes and pages for operators', () => {
  let app: IdentityApp;
  let token: string;
  let operatorId: string;
  beforeAll(async () => {
    app = await createIdentityApp();
    ({ id: operatorId } = await addTestOperator(app.database, 'ada@example.com'));
    token = operatorTokenOf(operatorId, 2);
  });
  afterAll(() => app.close());

  const get = (url: string, headers: Record<string, string> = {}) => app.app.inject({ url, headers });
  const send = (url: string, fields: Record<string, string>, headers: Record<string, string> = FROM_OWN_PAGE) =>
    app.app.inject({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(fields).toString(),
    });
  const signIn = async (): Promise<string> => {
    const { headers } = await send('/ops/login', { token });
    return String(headers['set-cookie']).split(';')[0] ?? '';
  };

  it('accept an operator token, and show its operator', async () => {
    const answer = await app.get('/ops/operator', token);
    expect([answer.statusCode, answer.body]).toEqual([200, expect.anything()]);
    expect(answer.json()).toEqual({
      id: operatorId,
      name: 'ada@example.com',
      expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('refuse an access token, as tenant routes refuse an operator token', async () => {
    const { accessToken } = await app.signUp();
    expect((await app.get('/ops/operator', accessToken)).statusCode).toBe(401);
    expect((await app.get('/v1/tenant', token)).statusCode).toBe(401);
    expect((await get('/ops/operator', { cookie: `tenantry-operator=${accessToken}` })).statusCode).toBe(401);
    expect((await get('/v1/tenant', { cookie: await signIn() })).statusCode).toBe(401);
  });

  it('answer a program with a problem document, and redirect a browser to the login page', async () => {
    const program = await get('/ops');
    expect([program.statusCode, program.json().type]).toEqual([401, '/problems/unauthenticated']);
    const browser = await get('/ops/operator?x=1', { accept: 'text/html,*/*' });
    expect([browser.statusCode, browser.headers.location]).toEqual([303, '/ops/login?next=%2Fops%2Foperator']);
    expect((await get('/v1/tenant', { accept: 'text/html' })).statusCode).toBe(401);
  });

  it('sign a browser in by a form without a script, with a cookie that is hidden from other paths and scripts', async () => {
    const page = await get('/ops/login?next=/ops/jobs');
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('name="next" value="/ops/jobs"');
    expect(page.body).not.toContain('<script');
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).not.toContain('unsafe');
    const { statusCode, headers } = await send('/ops/login', { token: ` ${token}\n`, next: '/ops/jobs' });
    expect([statusCode, headers.location, headers['cache-control']]).toEqual([303, '/ops/jobs', 'no-store']);
    const cookie = String(headers['set-cookie']);
    expect(cookie).toMatch(/^tenantry-operator=[^;]+; Path=\/ops; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/);
    expect(Number(/Max-Age=(\d+)/.exec(cookie)?.[1])).toBeLessThanOrEqual(7_200);
    const home = await get('/ops', { cookie: `other=1; ${cookie.split(';')[0]}`, accept: 'text/html' });
    expect(home.statusCode).toBe(200);
    expect(home.body).toContain('ada@example.com');
    expect(home.headers['cache-control']).toBe('no-store');
  });

  it('show the login form again after a wrong token, without the token', async () => {
    const answer = await send('/ops/login', { token: 'no"<token>', next: '/ops/jobs' });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([401, 'text/html; charset=utf-8']);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.body).toContain('role="alert"');
    expect(answer.body).toContain('value="/ops/jobs"');
    expect(answer.body).not.toContain('no"<token>');
    expect((await send('/ops/login', {})).statusCode).toBe(400);
    for (const token of [7, null, ['x'], { trim: 1 }]) {
      const [method, url, payload] = ['POST', '/ops/login', { token, next: { x: 1 } }] as const;
      expect((await app.app.inject({ method, url, payload, headers: FROM_OWN_PAGE })).statusCode).toBe(400);
    }
  });

  it.each(['https://evil.example/ops', '//evil.example', '/ops//evil.example', '/ops/../v1', '/opsy', '/ops/"><b>'])(
    'do not redirect to another site after the sign-in: %s',
    async (next) => {
      expect((await send('/ops/login', { token, next })).headers.location).toBe('/ops');
      expect((await get(`/ops/login?next=${encodeURIComponent(next)}`)).body).toContain('name="next" value="/ops"');
    },
  );

  it('delete the cookie of a browser that signs out', async () => {
    const { statusCode, headers } = await send('/ops/logout', {}, { ...FROM_OWN_PAGE, cookie: await signIn() });
    expect([statusCode, headers.location]).toEqual([303, '/ops/login']);
    expect(String(headers['set-cookie'])).toMatch(/^tenantry-operator=; .*Max-Age=0/);
  });

  it.each(['/ops/login', '/ops/logout'])('refuse a form that a page of another site sends: %s', async (url) => {
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }])
      expect((await send(url, { token }, { host: 'api.example.com', ...headers })).statusCode).toBe(403);
  });

  it('refuse the token of an operator who does not exist or was removed, at the next request', async () => {
    expect((await app.get('/ops/operator', operatorTokenOf(uuidv7()))).statusCode).toBe(401);
    const grace = await addTestOperator(app.database, 'grace');
    const hers = operatorTokenOf(grace.id);
    expect((await app.get('/ops/operator', hers)).statusCode).toBe(200);
    await asOperatorRole(app.database, (it) => it.remove('Grace', operatorId, 'she left', OPERATOR_CAUSE));
    expect((await app.get('/ops/operator', hers)).statusCode).toBe(401);
    expect((await send('/ops/login', { token: hers })).statusCode).toBe(401);
    // Added again, she has another id: a token of before stays refused.
    await addTestOperator(app.database, 'grace');
    expect((await app.get('/ops/operator', hers)).statusCode).toBe(401);
  });

  it('refuse other spellings of their paths, too', async () => {
    for (const url of ['/%6fps/operator', '/ops/%6fperator', '/ops/./operator', '//ops/operator'])
      expect([401, 404]).toContain((await get(url)).statusCode);
  });
});
