import { joined, removed } from '#test/support/facts';
import { createIdentityApp, type IdentityApp, PASSWORD, type SignedUp } from '#test/support/identity-app';

describe('the page of an invitation', () => {
  let app: IdentityApp;
  let company: SignedUp;
  let people = 0;

  beforeAll(async () => {
    app = await createIdentityApp();
    company = await app.signUp({ companyName: `Böse & <script>alert("x")</script> 'Söhne'` });
  });
  afterAll(() => app.close());

  const pathOf = async (more: object = {}): Promise<string> => {
    const payload = { role: 'member', maxUses: 1, ...more };
    const answer = await app.ask('POST', '/v1/invitations', { token: company.accessToken, payload });
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
  const grace = () => ({ personName: 'Grace', email: `grace${++people}@acme.example`, password: PASSWORD });

  it('shows company and role in a form, with everything that a company may be called escaped', async () => {
    const answer = await open(await pathOf({ role: 'admin', emailDomains: ['acme.example'] }));
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.body).not.toContain('<script');
    expect(answer.body).toContain('Böse &amp; &lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &#39;Söhne&#39;');
    expect(answer.body).toContain('an admin');
    expect(answer.body).toContain('acme.example');
  });

  it('shows who invites, and until when', async () => {
    const ada = await app.signUp({ personName: 'Ada <b>Lovelace</b>' });
    await app.happen(company.tenant.id, joined(ada.user.id, 'admin'));
    const session = { email: ada.sent.email, password: PASSWORD, tenantId: company.tenant.id };
    const { accessToken } = (await app.post('/v1/sessions', session)).json();
    const expiresAt = new Date(Date.now() + 2 * 86_400_000).toISOString();
    const payload = { role: 'member', maxUses: 1, expiresAt };
    const { url } = (await app.ask('POST', '/v1/invitations', { token: accessToken, payload })).json();
    const { pathname } = new URL(url);
    const shown = (await open(pathname)).body;
    expect(shown).toContain('Ada &lt;b&gt;Lovelace&lt;/b&gt; invites you');
    expect(shown).toMatch(
      new RegExp(`expires on <time datetime="${expiresAt}">\\d+ \\w+ \\d{4} at \\d\\d:\\d\\d UTC</time>`),
    );
    // Anyone who has left speaks for the company no more.
    await app.happen(company.tenant.id, removed(ada.user.id));
    const later = (await open(pathname)).body;
    expect(later).not.toContain('Lovelace');
    expect(later).toContain('You are invited');
  });

  it('runs no script, loads its own style and nothing else, and tells no other site where it was', async () => {
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

  it('makes anyone who fills it in a member, and shows no token', async () => {
    const path = await pathOf();
    const who = grace();
    // As browsers send it from a page that keeps to no-referrer.
    const answer = await send(path, who, { 'sec-fetch-site': 'same-origin', origin: 'null' });
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain('You are now a member of');
    expect(answer.body).not.toMatch(/eyJ|Bearer/);
    const signedIn = await app.post('/v1/sessions', { email: who.email, password: PASSWORD });
    expect(signedIn.json().tenant.id).toBe(company.tenant.id);
    expect((await open(path)).statusCode).toBe(404);
  });

  it('welcomes anyone who sends it twice, at once or later, and uses the link once', async () => {
    const path = await pathOf();
    const who = grace();
    const answers = [
      ...(await Promise.all([send(path, who), send(path, who), send(path, who)])),
      await send(path, who),
    ];
    for (const { statusCode, body } of answers) {
      expect(statusCode).toBe(200);
      expect(body).toContain('You are now a member of');
    }
    expect((await send(path, grace())).statusCode).toBe(404);
    expect((await send(path, { ...who, password: 'not the password' })).statusCode).toBe(404);
  });

  it('says next to the fields what is wrong, keeps what was typed, and never the password', async () => {
    const path = await pathOf();
    const typed = { personName: '"><b>Eve', email: 'no address', password: 'short' };
    const answer = await send(path, typed);
    expect(answer.statusCode).toBe(400);
    expect(answer.body).toContain('id="email-error"');
    expect(answer.body).toContain('id="password-error">Choose a password of at least 10 characters.<');
    expect(answer.body).toContain('Enter your e-mail address, such as');
    expect(answer.body).not.toContain('must be');
    expect(answer.body).toContain('value="&quot;&gt;&lt;b&gt;Eve"');
    expect(answer.body).toContain('value="no address"');
    expect(answer.body).not.toContain('short');
    expect((await open(path)).statusCode).toBe(200);
  });

  it('asks again where the password of an account is wrong', async () => {
    const { sent } = await app.signUp();
    const answer = await send(await pathOf(), { ...grace(), email: sent.email, password: 'not the password' });
    expect(answer.statusCode).toBe(401);
    expect(answer.body).toContain('role="alert"');
    expect(answer.body).toContain('The e-mail address or the password is wrong.');
  });

  it('asks for the name next to its field where it was left out and there is no such account', async () => {
    const { email, password } = grace();
    const { sent } = await app.signUp();
    const path = await pathOf();
    const unknown = await send(path, { email, password });
    expect(unknown.statusCode).toBe(401);
    expect(unknown.body).toContain('id="personName-error"');
    const known = await send(path, { email: sent.email, password: 'not the password' });
    expect(known.body.replace(sent.email, '')).toBe(unknown.body.replace(email, ''));
  });

  it('is one and the same for whatever cannot be used', async () => {
    const [never, nonsense] = await Promise.all([open(`/join/${'a'.repeat(43)}`), open('/join/%3Cb%3E')]);
    expect([never.statusCode, nonsense.statusCode]).toEqual([404, 404]);
    expect(never.body).toBe(nonsense.body);
    const posted = await send(`/join/${'a'.repeat(43)}`, grace());
    expect([posted.statusCode, posted.body]).toEqual([404, never.body]);
  });

  it.each([
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { origin: 'https://evil.example' },
    { origin: 'null' },
  ])('takes no form that another site sends: %j', async (headers) => {
    const path = await pathOf();
    const answer = await send(path, grace(), headers);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
    expect((await open(path)).statusCode).toBe(200);
  });

  it('is the only place that takes forms', async () => {
    const answer = await send('/v1/sessions', { email: 'ada@acme.example', password: PASSWORD });
    expect(answer.statusCode).toBe(415);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('refuses a form that is no UTF-8, or too long', async () => {
    const path = await pathOf();
    const broken = await app.app.inject({
      method: 'POST',
      url: path,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      payload: Buffer.from([0x61, 0x3d, 0xff]),
    });
    const long = await send(path, { personName: 'x'.repeat(20_000) });
    expect([broken.statusCode, long.statusCode]).toEqual([400, 413]);
    for (const { headers, body } of [broken, long]) {
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(headers['cache-control']).toBe('no-store');
      expect(body).toContain('role="alert"');
    }
  });

  it('is no part of the API’s document', async () => {
    const { paths } = (await open('/openapi.json')).json();
    expect(Object.keys(paths).filter((it) => it.startsWith('/join'))).toEqual([]);
  });
});
