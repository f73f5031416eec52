import { createHmac, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { uuidv7 } from '#platform/ids/uuid';
import { createIdentityApp, type IdentityApp, type SignedUp } from '#test/support/identity-app';

type Part = Record<string, unknown>;

const encode = (part: unknown): string => Buffer.from(JSON.stringify(part)).toString('base64url');
const decode = (part: string | undefined): Part => JSON.parse(Buffer.from(part ?? '', 'base64url').toString()) as Part;
const es256 = (signed: string, key: KeyObject): string =>
  sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url');
const { privateKey: foreign, publicKey: foreignPublic } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const foreignJwk = foreignPublic.export({ format: 'jwk' });

describe('authentication', () => {
  let identity: IdentityApp;
  let somebody: SignedUp;
  beforeAll(async () => {
    identity = await createIdentityApp();
    somebody = await identity.signUp();
  });
  afterAll(() => identity.close());
  afterEach(() => jest.restoreAllMocks());

  /** A good token of somebody, changed, and signed as it should be, by default. */
  const forge = ({
    header = {},
    claims = {},
    key,
    signature,
  }: {
    header?: Part;
    claims?: Part;
    key?: KeyObject;
    signature?: (signed: string) => string;
  }): string => {
    const [goodHeader, goodClaims] = somebody.accessToken.split('.').slice(0, 2).map(decode);
    const signed = `${encode({ ...goodHeader, ...header })}.${encode({ ...goodClaims, ...claims })}`;
    const own = key ?? identity.keys.current().privateKey;
    return `${signed}.${signature ? signature(signed) : es256(signed, own)}`;
  };
  const seconds = (fromNow: number): number => Math.floor(Date.now() / 1_000) + fromNow;
  /** As anyone who reads jwks.json can make it. */
  const publicKey = (format: 'pem' | 'der'): Buffer | string => {
    const jwk = identity.keys.jwks().find(({ kid }) => kid === identity.keys.current().kid) ?? {};
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return format === 'pem' ? key.export({ format, type: 'spki' }) : key.export({ format, type: 'spki' });
  };

  it('takes a token as it was issued, and one that is forged to be the same', async () => {
    for (const token of [somebody.accessToken, forge({ claims: { jti: uuidv7() } })])
      expect((await identity.get('/v1/me', token)).statusCode).toBe(200);
  });

  it('issues tokens that name type, key, issuer, audience, user, tenant, role and session, for 15 minutes', () => {
    const [header, claims] = somebody.accessToken.split('.').slice(0, 2).map(decode);
    expect(header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: identity.keys.current().kid });
    expect(claims).toEqual({
      iss: 'tenantry',
      aud: 'tenantry-api',
      sub: somebody.user.id,
      tid: somebody.tenant.id,
      role: 'owner',
      sid: expect.any(String),
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: Number(claims?.['iat']) + 900,
    });
  });

  const none = (): string => '';
  const hmac = (key: Buffer | string) => (signed: string) =>
    createHmac('sha256', key).update(signed).digest('base64url');
  const wrong: [string, () => string][] = [
    ['garbage', () => 'garbage'],
    ['three parts of garbage', () => 'a.b.c'],
    ['a header that is no object', () => `${encode('x')}.${encode({})}.x`],
    ['a header that is null', () => `${encode(null)}.${encode({})}.x`],
    ['no signature', () => forge({ signature: none })],
    ['algorithm none', () => forge({ header: { alg: 'none' }, signature: none })],
    ['algorithm none, signed all the same', () => forge({ header: { alg: 'none' } })],
    ['HS256 with the public key as PEM', () => forge({ header: { alg: 'HS256' }, signature: hmac(publicKey('pem')) })],
    ['HS256 with the public key as DER', () => forge({ header: { alg: 'HS256' }, signature: hmac(publicKey('der')) })],
    ['algorithm ES384', () => forge({ header: { alg: 'ES384' } })],
    ['a key of somebody else', () => forge({ key: foreign })],
    [
      'a key that it brings along',
      () =>
        forge({
          header: { jwk: foreignJwk },
          key: foreign,
        }),
    ],
    ['an unknown key id', () => forge({ header: { kid: uuidv7() } })],
    ['no key id', () => forge({ header: { kid: undefined } })],
    ['a key id that is a path', () => forge({ header: { kid: '../../dev/null' } })],
    ['a key id that is SQL', () => forge({ header: { kid: `' or 1=1 --` } })],
    ['a key id that is a list', () => forge({ header: { kid: [uuidv7()] } })],
    ['another type', () => forge({ header: { typ: 'JWT' } })],
    ['no type', () => forge({ header: { typ: undefined } })],
    ['another issuer', () => forge({ claims: { iss: 'https://evil.example' } })],
    ['no issuer', () => forge({ claims: { iss: undefined } })],
    ['another audience', () => forge({ claims: { aud: 'tenantry-ops' } })],
    ['no audience', () => forge({ claims: { aud: undefined } })],
    ['a time that is over', () => forge({ claims: { exp: seconds(-1) } })],
    ['no end', () => forge({ claims: { exp: undefined } })],
    ['an end that is text', () => forge({ claims: { exp: 'never' } })],
    ['a beginning that is to come', () => forge({ claims: { nbf: seconds(60) } })],
    ['no user', () => forge({ claims: { sub: undefined } })],
    ['a tenant that is no id', () => forge({ claims: { tid: '*' } })],
    ['a tenant that is a list', () => forge({ claims: { tid: [uuidv7()] } })],
    ['no session', () => forge({ claims: { sid: undefined } })],
    ['a role that there is not', () => forge({ claims: { role: 'god' } })],
    [
      'another role under the old signature',
      () => {
        const [header, claims, signature] = somebody.accessToken.split('.');
        return `${header}.${encode({ ...decode(claims), role: 'auditor' })}.${signature}`;
      },
    ],
    ['one character more', () => `${somebody.accessToken}A`],
    ['5,000 characters', () => forge({ claims: { jti: 'x'.repeat(5_000) } })],
    ['the refresh token', () => somebody.refreshToken],
  ];

  it.each(wrong)('refuses %s', async (_, token) => {
    const answer = await identity.get('/v1/me', token());
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ type: '/problems/unauthenticated' });
  });

  it.each([
    ['no field', {}],
    ['an empty field', { authorization: '' }],
    ['the scheme alone', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['15 KB', { authorization: `Bearer ${'x'.repeat(15_000)}` }],
  ])('refuses %s', async (_, headers) => {
    const answer = await identity.app.inject({ url: '/v1/me', headers: headers as Record<string, string> });
    expect(answer.statusCode).toBe(401);
  });

  it('takes no two fields, since others might go by the other one', async () => {
    const { accessToken } = somebody;
    const headers = { authorization: [`Bearer ${accessToken}`, 'Bearer d.e.f'] } as unknown as Record<string, string>;
    const answer = await identity.app.inject({ url: '/v1/me', headers });
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/header/Authorization' }] });
  });

  it('takes the scheme in any case', async () => {
    const headers = { authorization: `bEARER ${somebody.accessToken}` };
    expect((await identity.app.inject({ url: '/v1/me', headers })).statusCode).toBe(200);
  });

  it('lets anyone in where anyone may come, whatever token they bring', async () => {
    const headers = { authorization: 'Bearer garbage' };
    expect((await identity.app.inject({ url: '/.well-known/jwks.json', headers })).statusCode).toBe(200);
  });

  it('verifies a token once', async () => {
    const find = jest.spyOn(identity.keys, 'find');
    const token = forge({ claims: { jti: uuidv7() } });
    for (let n = 0; n < 3; n++) expect((await identity.get('/v1/me', token)).statusCode).toBe(200);
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('does not know a token for longer than it is good', async () => {
    const token = forge({ claims: { exp: seconds(2) } });
    expect((await identity.get('/v1/me', token)).statusCode).toBe(200);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 2_500);
    const answer = await identity.get('/v1/me', token);
    expect(answer.json()).toMatchObject({ status: 401, detail: 'The access token has expired.' });
  });

  it('blames the database and not the token while keys cannot be looked up', async () => {
    const away = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    jest.spyOn(identity.keys, 'find').mockRejectedValue(away);
    const answer = await identity.get('/v1/me', forge({ claims: { jti: uuidv7() } }));
    expect(answer.json()).toMatchObject({ status: 503, type: '/problems/dependency-unavailable' });
    expect(answer.headers['retry-after']).toBeDefined();
    // What was verified before continues.
    expect((await identity.get('/v1/tenant', somebody.accessToken)).statusCode).toBe(200);
  });

  it('publishes the keys to anyone, to be cached for five minutes', async () => {
    const answer = await identity.app.inject({ url: '/.well-known/jwks.json' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('public, max-age=300');
    const { keys } = answer.json();
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
    expect(answer.body).not.toContain('"d"');
  });
});
