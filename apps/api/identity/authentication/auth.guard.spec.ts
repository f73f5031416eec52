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
  let ada: SignedUp;
  beforeAll(async () => {
    identity = await createIdentityApp();
    ada = await identity.signUp();
  });
  afterAll(() => identity.close());
  afterEach(() => jest.restoreAllMocks());

  /** A copy of a valid token with changed parts, signed with the present key by default. */
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
    const [goodHeader, goodClaims] = ada.accessToken.split('.').slice(0, 2).map(decode);
    const signed = `${encode({ ...goodHeader, ...header })}.${encode({ ...goodClaims, ...claims })}`;
    const signingKey = key ?? identity.keys.current().privateKey;
    return `${signed}.${signature ? signature(signed) : es256(signed, signingKey)}`;
  };
  const seconds = (fromNow: number): number => Math.floor(Date.now() / 1_000) + fromNow;
  /** The public key as an attacker can build it from jwks.json. */
  const publicKey = (format: 'pem' | 'der'): Buffer | string => {
    const jwk = identity.keys.jwks().find(({ kid }) => kid === identity.keys.current().kid) ?? {};
    const key = createPublicKey({ key: jwk, format: 'jwk' });
    return format === 'pem' ? key.export({ format, type: 'spki' }) : key.export({ format, type: 'spki' });
  };

  it('accepts an issued token, and a forged one that differs only in its id', async () => {
    for (const token of [ada.accessToken, forge({ claims: { jti: uuidv7() } })])
      expect((await identity.get('/v1/me', token)).statusCode).toBe(200);
  });

  it('issues tokens with type, key, issuer, audience, user, tenant, role, membership and session, valid for 15 minutes', () => {
    const [header, claims] = ada.accessToken.split('.').slice(0, 2).map(decode);
    expect(header).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: identity.keys.current().kid });
    expect(claims).toEqual({
      iss: 'tenantry',
      aud: 'tenantry-api',
      sub: ada.user.id,
      tid: ada.tenant.id,
      role: 'owner',
      mem: 1,
      sid: expect.any(String),
      jti: expect.any(String),
      iat: expect.any(Number),
      exp: Number(claims?.['iat']) + 900,
    });
  });

  const none = (): string => '';
  const hmac = (key: Buffer | string) => (signed: string) =>
    createHmac('sha256', key).update(signed).digest('base64url');
  const invalidTokens: [string, () => string][] = [
    ['garbage', () => 'garbage'],
    ['three parts of garbage', () => 'a.b.c'],
    ['a header that is not an object', () => `${encode('x')}.${encode({})}.x`],
    ['a header that is null', () => `${encode(null)}.${encode({})}.x`],
    ['no signature', () => forge({ signature: none })],
    ['algorithm none', () => forge({ header: { alg: 'none' }, signature: none })],
    ['algorithm none with a valid signature', () => forge({ header: { alg: 'none' } })],
    ['HS256 with the public key as PEM', () => forge({ header: { alg: 'HS256' }, signature: hmac(publicKey('pem')) })],
    ['HS256 with the public key as DER', () => forge({ header: { alg: 'HS256' }, signature: hmac(publicKey('der')) })],
    ['algorithm ES384', () => forge({ header: { alg: 'ES384' } })],
    ['a foreign key', () => forge({ key: foreign })],
    [
      'a foreign key in its own header',
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
    ['an expiry in the past', () => forge({ claims: { exp: seconds(-1) } })],
    ['no expiry', () => forge({ claims: { exp: undefined } })],
    ['an expiry that is text', () => forge({ claims: { exp: 'never' } })],
    ['a start in the future', () => forge({ claims: { nbf: seconds(60) } })],
    ['no user', () => forge({ claims: { sub: undefined } })],
    ['a malformed tenant id', () => forge({ claims: { tid: '*' } })],
    ['a tenant that is a list', () => forge({ claims: { tid: [uuidv7()] } })],
    ['no session', () => forge({ claims: { sid: undefined } })],
    ['an unknown role', () => forge({ claims: { role: 'god' } })],
    [
      'another role under the old signature',
      () => {
        const [header, claims, signature] = ada.accessToken.split('.');
        return `${header}.${encode({ ...decode(claims), role: 'auditor' })}.${signature}`;
      },
    ],
    ['an additional character', () => `${ada.accessToken}A`],
    ['5,000 characters', () => forge({ claims: { jti: 'x'.repeat(5_000) } })],
    ['the refresh token', () => ada.refreshToken],
  ];

  it.each(invalidTokens)('refuses %s', async (_, token) => {
    const answer = await identity.get('/v1/me', token());
    expect(answer.statusCode).toBe(401);
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.json()).toMatchObject({ type: '/problems/unauthenticated' });
  });

  it.each([
    ['no Authorization field', {}],
    ['an empty Authorization field', { authorization: '' }],
    ['the scheme alone', { authorization: 'Bearer ' }],
    ['another scheme', { authorization: 'Basic YTpi' }],
    ['a field of 15 KB', { authorization: `Bearer ${'x'.repeat(15_000)}` }],
  ])('refuses %s', async (_, headers) => {
    const answer = await identity.app.inject({ url: '/v1/me', headers: headers as Record<string, string> });
    expect(answer.statusCode).toBe(401);
  });

  it('refuses two Authorization fields, because a proxy may read the other one', async () => {
    const { accessToken } = ada;
    const headers = { authorization: [`Bearer ${accessToken}`, 'Bearer d.e.f'] } as unknown as Record<string, string>;
    const answer = await identity.app.inject({ url: '/v1/me', headers });
    expect(answer.json()).toMatchObject({ status: 400, errors: [{ pointer: '/header/Authorization' }] });
  });

  it('accepts the scheme in upper and lower case', async () => {
    const headers = { authorization: `bEARER ${ada.accessToken}` };
    expect((await identity.app.inject({ url: '/v1/me', headers })).statusCode).toBe(200);
  });

  it('ignores an invalid token on a public route', async () => {
    const headers = { authorization: 'Bearer garbage' };
    expect((await identity.app.inject({ url: '/.well-known/jwks.json', headers })).statusCode).toBe(200);
  });

  it('verifies a token once', async () => {
    const find = jest.spyOn(identity.keys, 'find');
    const token = forge({ claims: { jti: uuidv7() } });
    for (let n = 0; n < 3; n++) expect((await identity.get('/v1/me', token)).statusCode).toBe(200);
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('refuses a cached token that has expired', async () => {
    const token = forge({ claims: { exp: seconds(2) } });
    expect((await identity.get('/v1/me', token)).statusCode).toBe(200);
    const now = Date.now();
    jest.spyOn(Date, 'now').mockReturnValue(now + 2_500);
    const answer = await identity.get('/v1/me', token);
    expect(answer.json()).toMatchObject({ status: 401, detail: 'The access token has expired.' });
  });

  it('answers 503 and not 401 while the signing keys cannot be read', async () => {
    const unreachable = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    jest.spyOn(identity.keys, 'find').mockRejectedValue(unreachable);
    const answer = await identity.get('/v1/me', forge({ claims: { jti: uuidv7() } }));
    expect(answer.json()).toMatchObject({ status: 503, type: '/problems/dependency-unavailable' });
    expect(answer.headers['retry-after']).toBeDefined();
    // A token that was verified before is still accepted.
    expect((await identity.get('/v1/tenant', ada.accessToken)).statusCode).toBe(200);
  });

  it('publishes the keys, which may be cached for five minutes', async () => {
    const answer = await identity.app.inject({ url: '/.well-known/jwks.json' });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['cache-control']).toBe('public, max-age=300');
    const { keys } = answer.json();
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
    expect(answer.body).not.toContain('"d"');
  });
});
