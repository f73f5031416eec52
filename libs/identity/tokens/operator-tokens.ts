import { createSecretKey } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { deriveKey } from '#platform/encryption';
import { uuidv7 } from '#platform/ids/uuid';
import { ISSUER } from './access-tokens';

const AUDIENCE = 'tenantry-ops';
const TOKEN_TYPE = 'ops+jwt';
const ALGORITHM = 'HS256';
const MAX_LENGTH = 1_024;

/** The longest time, in hours, for which a token is valid. */
export const MAX_HOURS = 168;

/** The operator that a token was issued for. Operators are no users of the product and belong to no tenant. */
export interface Operator {
  readonly name: string;
  /** When the token expires: milliseconds since 1970. */
  readonly expiresAt: number;
}

/**
 * The tokens of operators. They are signed with a key that is derived from SECRET_KEY, unlike access tokens, whose keys
 * are in the database. So they can be issued and verified while the database is not available, they do not depend on
 * published or rotated keys, and anyone who has read the database cannot make one.
 * @param secretKey 32 bytes
 */
export const createOperatorTokens = (secretKey: Buffer) => {
  // From a text, jsonwebtoken would create a key for each token, which takes 25 times as long.
  const key = createSecretKey(deriveKey(secretKey, 'operator tokens')) as never;
  const jwt = new JwtService({});
  return {
    /**
     * @param name the operator's name for logs, 1 to 100 characters
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
    /** @returns undefined if it is not the token of an operator, or has expired */
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
