import { generateKeyPairSync } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { deriveKey } from '#platform/encryption';
import { uuidv7 } from '#platform/ids/uuid';
import { createOperatorTokens } from './operator-tokens';

const SECRET = Buffer.alloc(32, 7);
const tokens = createOperatorTokens(SECRET);
const [OPERATOR, TOKEN] = [uuidv7(), uuidv7()];

/** A new token that is valid for this number of hours. */
const issue = (hours: number): string =>
  tokens.issue({
    operatorId: OPERATOR,
    tokenId: TOKEN,
    expiresAt: Math.floor(Date.now() / 1_000 + hours * 3_600) * 1_000,
  });

const forged = (change: object, secret: Buffer = deriveKey(SECRET, 'operator tokens')): string =>
  new JwtService({}).sign(
    {},
    {
      secret,
      header: { alg: 'HS256', typ: 'ops+jwt' },
      issuer: 'tenantry',
      audience: 'tenantry-ops',
      subject: OPERATOR,
      jwtid: TOKEN,
      expiresIn: 60,
      ...change,
    },
  );

describe('the token of an operator', () => {
  afterEach(() => jest.useRealTimers());

  it('holds the ids of the operator and of the token, and its expiry time', () => {
    const expiresAt = 1_000 * Math.ceil(Date.now() / 1_000 + 7_200);
    const token = { operatorId: OPERATOR, tokenId: TOKEN, expiresAt };
    expect(tokens.verify(tokens.issue(token))).toEqual(token);
    expect(tokens.verify(forged({}))).toMatchObject({ operatorId: OPERATOR, tokenId: TOKEN });
  });

  it('is valid until it expires', () => {
    const token = issue(1);
    jest.useFakeTimers({ now: Date.now() + 3_599_000 - 1_000 });
    expect(tokens.verify(token)).toBeDefined();
    jest.setSystemTime(Date.now() + 3_000);
    expect(tokens.verify(token)).toBeUndefined();
  });

  it('of another installation is invalid', () => {
    expect(createOperatorTokens(Buffer.alloc(32, 8)).verify(issue(1))).toBeUndefined();
  });

  it.each([
    ['the audience of clients', forged({ audience: 'tenantry-api' })],
    ['a name in place of an id', forged({ subject: 'ada' })],
    ['an id of its own that is no UUID', forged({ jwtid: '7' })],
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
        subject: OPERATOR,
        jwtid: TOKEN,
        expiresIn: 60,
      },
    );
    expect(tokens.verify(token)).toBeUndefined();
  });
});
