import { joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

describe('the page of an invitation', () => {
  let app: IdentityApp;
  let acme: SignedUp;
  let users = 0;

  beforeAll(async () => {
    app = await createIdentityApp();
    acme = await app.signUp({ companyName: `Böse & <script>alert("x")</script> 'Söhne'` });
  });
  afterAll(() => app.close());

  const pathOf = async (more: object = {}): Promise<string> => {
    const payload = { role: 'member', maxUses: 1, ...more };
    const answer = await app.request('POST', '/v1/invitations', { token: acme.accessToken, payload });
    return new URL(answer.json().url).pathname;
  };
  const open = (path: string) => app.app.inject({ url: path });
  const send = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    app.app.inject({
      method: 'POST',
      url: path,
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      payload: new URLSearchParams(fields).toString(),
    });
  const newUser = () => ({ personName: 'Grace', email: `grace${++users}@acme.example`, password: PASSWORD });

  it('shows the tenant and the role in a form, and escapes the name of the tenant', async () => {
    const answer = await open(await pathOf({ role: 'admin', emailDomains: ['acme.example'] }));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.body).not.toContain('<script');
    expect(answer.body).toContain('Böse &amp; &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &#39;Söhne&#39;');
    expect(answer.body).toContain('an admin');
    expect(answer.body).toContain('acme.example');
  });

  it('shows the inviter and the expiry time', async () => {
    const ada = await app.signUp({ personName: 'Ada <b>Lovelace</b>' });
    await app.appendEvents(acme.tenant.id, joined(ada.user.id, 'admin'));
    const credentials = { email: ada.sent.email, password: PASSWORD, tenantId: acme.tenant.id };
    const { accessToken } = (await app.post('/v1/sessions', credentials)).json();
    const expiresAt = new Date(Date.now() + 2 * 86_400_000).toISOString();
    const payload = { role: 'member', maxUses: 1, expiresAt };
    const { url } = (await app.request('POST', '/v1/invitations', { token: accessToken, payload })).json();
    const { pathname } = new URL(url);
    const shown = (await open(pathname)).body;
    expect(shown).toContain('<bdi>Ada &lt;b&gt;Lovelace&lt;/b&gt;</bdi> invites you');
    expect(shown).toMatch(
      new RegExp(`expires on <time datetime="${expiresAt}">\\d+ \\w+ \\d{4} at \\d\\d:\\d\\d UTC</time>`),
    );
    // The name of an inviter who is no longer a member is not shown.
    await app.appendEvents(acme.tenant.id, removed(ada.user.id));
    const later = (await open(pathname)).body;
    expect(later).not.toContain('Lovelace');
    expect(later).toContain('You are invited');
  });

  it('runs no script, loads only its own style sheet, and sends no referrer', async () => {
    const { headers } = await open(await pathOf());
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("style-src 'self'");
    expect(policy).toContain("form-action 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('script-src');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['cache-control']).toBe('no-store');
    const style = await open('/join.css');
    expect(style.headers['content-type']).toBe('text/css; charset=utf-8');
  });

  it('makes the sender of the form a member, and shows no token', async () => {
    const path = await pathOf();
    const who = newUser();
    // The headers that browsers send from a page with the policy no-referrer.
    const answer = await send(path, who, { 'sec-fetch-site': 'same-origin', origin: 'null' });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('You are now a member of');
    expect(answer.body).not.toMatch(/eyJ|Bearer/);
    const signedIn = await app.post('/v1/sessions', { email: who.email, password: PASSWORD });
    expect(signedIn.json().tenant.id).toBe(acme.tenant.id);
    expect((await open(path)).statusCode).toBe(404);
  });

  it('accepts repeats of the form, concurrent or later, and counts one use', async () => {
    const path = await pathOf();
    const who = newUser();
    const answers = [
      ...(await Promise.all([send(path, who), send(path, who), send(path, who)])),
      await send(path, who),
    ];
    for (const { statusCode, body } of answers) {
      expect(statusCode).toBe(200);
      expect(body).toContain('You are now a member of');
    }
    expect((await send(path, newUser())).statusCode).toBe(404);
    expect((await send(path, { ...who, password: 'not the password' })).statusCode).toBe(404);
  });

  it('shows errors next to their fields, and keeps the values but not the password', async () => {
    const path = await pathOf();
    const values = { personName: '"><b>Eve', email: 'no address', password: 'short' };
    const answer = await send(path, values);
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('id="email-error"');
    expect(answer.body).toContain('id="password-error">Enter a password of 10 to 256 characters.<');
    expect(answer.body).toContain('Enter your e-mail address, such as');
    expect(answer.body).not.toContain('must be');
    expect(answer.body).toContain('value="&quot;&gt;&lt;b&gt;Eve"');
    expect(answer.body).toContain('value="no address"');
    expect(answer.body).not.toContain('short');
    expect((await open(path)).statusCode).toBe(200);
  });

  it('shows the form again if the password of an account is wrong', async () => {
    const { sent } = await app.signUp();
    const answer = await send(await pathOf(), { ...newUser(), email: sent.email, password: 'not the password' });
    expect(answer.statusCode).toBe(401);
    expect(answer.body).toContain('role="alert"');
    expect(answer.body).toContain('The e-mail address or the password is wrong.');
  });

  it('asks for the missing name next to its field, whether or not the address has an account', async () => {
    const { email, password } = newUser();
    const { sent } = await app.signUp();
    const path = await pathOf();
    const unknown = await send(path, { email, password });
    expect(unknown.statusCode).toBe(401);
    expect(unknown.body).toContain('id="personName-error"');
    const known = await send(path, { email: sent.email, password: 'not the password' });
    expect(known.body.replace(sent.email, '')).toBe(unknown.body.replace(email, ''));
  });

  it('is the same for all links that cannot be used', async () => {
    const [unknown, malformed] = await Promise.all([open(`/join/${'a'.repeat(43)}`), open('/join/%3Cb%3E')]);
    expect([unknown.statusCode, malformed.statusCode]).toEqual([404, 404]);
    expect(unknown.body).toBe(malformed.body);
    const posted = await send(`/join/${'a'.repeat(43)}`, newUser());
    expect([posted.statusCode, posted.body]).toEqual([404, unknown.body]);
  });

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ])('refuses a form from another site: %j', async (headers) => {
    const path = await pathOf();
    const answer = await send(path, newUser(), headers);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
    expect((await open(path)).statusCode).toBe(200);
  });

  it('has the only route of the API that accepts forms', async () => {
    const answer = await send('/v1/sessions', { email: 'ada@acme.example', password: PASSWORD });
    expect(answer.statusCode).toBe(415);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('refuses a form that is not UTF-8, or too long, or in which a field occurs twice', async () => {
    const path = await pathOf();
    const sendForm = (payload: string | Buffer) =>
      app.app.inject({
        ...{ method: 'POST', url: path, payload },
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
    const broken = await sendForm(Buffer.from([0x61, 0x3d, 0xff]));
    const twice = await sendForm('email=a%40b.example&email=c%40d.example');
    const long = await send(path, { personName: 'x'.repeat(20_000) });
    expect([broken, twice, long].map((it) => it.statusCode)).toEqual([400, 400, 413]);
    for (const { headers, body } of [broken, twice, long]) {
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['cache-control']).toBe('no-store');
      expect(body).toContain('role="alert"');
    }
  });

  it('is not part of the OpenAPI document', async () => {
    const { paths } = (await open('/openapi.json')).json();
    expect(Object.keys(paths).filter((it) => it.startsWith('/join'))).toEqual([]);
  });
});
