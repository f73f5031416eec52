import { createSecretKey } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { deriveKey } from '#platform/encryption';
import { uuidv7 } from '#platform/ids/uuid';
import { ISSUER } from './access-tokens';

const AUDIENCE = 'tenantry-ops';
const TOKEN_TYPE = 'ops+jwt';
const ALGORITHM = 'HS256';
const MAX_LENGTH = 1_024;

/** Hours that a token may be valid for. */
export const MAX_HOURS = 168;

/** Who operates the installation. Belongs to no tenant, and is no user of the product. */
export interface Operator {
  readonly name: string;
  /** ms since 1970: when the token ends. */
  readonly expiresAt: number;
}

/**
 * The tokens of operators. Signed with a key of their own, derived from SECRET_KEY, where access tokens are signed with
 * keys that the database holds: one can be made and checked while the database is what is wrong, no key that the product
 * publishes or rotates has to do with it, and anyone who gets hold of the database can make none.
 */
export const createOperatorTokens = (secretKey: Buffer) => {
  // jsonwebtoken makes a key of a text for each token, and takes 25 times as long.
  const key = createSecretKey(deriveKey(secretKey, 'operator tokens')) as never;
  const jwt = new JwtService({});
  return {
    /**
     * @param name who it is for, as logs tell it: 1 to 100 characters
     * @param hours 1 to {@link MAX_HOURS}
     */
    issue: (name: string, hours: number): string =>
      jwt.sign(
        {},
        {
          secret: key,
          header: { alg: ALGORITHM, typ: TOKEN_TYPE },
          issuer: ISSUER,
          audience: AUDIENCE,
          subject: name,
          jwtid: uuidv7(),
          expiresIn: hours * 3_600,
        },
      ),
    /** Undefined for whatever is no token of an operator, or not any more. */
    verify: (token: string): Operator | undefined => {
      if (token.length > MAX_LENGTH) return undefined;
      try {
        const { header, payload } = jwt.verify<{ header: { typ?: string }; payload: { sub?: unknown; exp?: unknown } }>(
          token,
          { secret: key, algorithms: [ALGORITHM], issuer: ISSUER, audience: AUDIENCE, complete: true },
        );
        const { sub, exp } = payload;
        if (header.typ !== TOKEN_TYPE || typeof sub !== 'string' || typeof exp !== 'number') return undefined;
        return { name: sub, expiresAt: exp * 1_000 };
      } catch {
        return undefined;
      }
    },
  };
};

export type OperatorTokens = ReturnType<typeof createOperatorTokens>;
