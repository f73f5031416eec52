import { generateKeyPairSync } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { deriveKey } from '#platform/encryption';
import { createOperatorTokens } from './operator-tokens';

const SECRET = Buffer.alloc(32, 7);
const tokens = createOperatorTokens(SECRET);

const forged = (change: object, secret: Buffer = deriveKey(SECRET, 'operator tokens')): string =>
  new JwtService({}).sign(
    {},
    {
      secret,
      header: { alg: 'HS256', typ: 'ops+jwt' },
      issuer: 'tenantry',
      audience: 'tenantry-ops',
      subject: 'ada',
      expiresIn: 60,
      ...change,
    },
  );

describe('the token of an operator', () => {
  afterEach(() => jest.useRealTimers());

  it('holds the name of the operator and its expiry time', () => {
    const before = Math.floor(Date.now() / 1_000) * 1_000;
    const operator = tokens.verify(tokens.issue('ada', 2));
    expect(operator?.name).toBe('ada');
    expect(operator?.expiresAt).toBeGreaterThanOrEqual(before + 7_200_000);
    expect(tokens.verify(forged({}))?.name).toBe('ada');
  });

  it('is valid until it expires', () => {
    const token = tokens.issue('ada', 1);
    jest.useFakeTimers({ now: Date.now() + 3_599_000 - 1_000 });
    expect(tokens.verify(token)).toBeDefined();
    jest.setSystemTime(Date.now() + 3_000);
    expect(tokens.verify(token)).toBeUndefined();
  });

  it('of another installation is invalid', () => {
    expect(createOperatorTokens(Buffer.alloc(32, 8)).verify(tokens.issue('ada', 1))).toBeUndefined();
  });

  it.each([
    ['the audience of clients', forged({ audience: 'tenantry-api' })],
    ['another issuer', forged({ issuer: 'elsewhere' })],
    ['the type of an access token', forged({ header: { alg: 'HS256', typ: 'at+jwt' } })],
    ['another algorithm of the same key', forged({ algorithm: 'HS512', header: { alg: 'HS512', typ: 'ops+jwt' } })],
    ['a key that was derived for another purpose', forged({}, deriveKey(SECRET, 'invitation tokens'))],
    ['the secret key itself', forged({}, SECRET)],
    [
      'no signature',
      `${Buffer.from('{"alg":"none","typ":"ops+jwt"}').toString('base64url')}.${forged({}).split('.')[1]}.`,
    ],
    ['another format', 'x'.repeat(2_000)],
    ['no characters', ''],
  ])('with %s is invalid', (_, token) => {
    expect(tokens.verify(token)).toBeUndefined();
  });

  it('signed with a private key is invalid', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const token = new JwtService({}).sign(
      {},
      {
        privateKey: privateKey as never,
        algorithm: 'ES256',
        header: { alg: 'ES256', typ: 'ops+jwt' },
        issuer: 'tenantry',
        audience: 'tenantry-ops',
        subject: 'ada',
        expiresIn: 60,
      },
    );
    expect(tokens.verify(token)).toBeUndefined();
  });
});
