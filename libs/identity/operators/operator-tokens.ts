import { createSecretKey } from 'node:crypto';
import { JwtService } from '@nestjs/jwt';
import { deriveKey } from '#platform/encryption';
import { ISSUER } from '../tokens/access-tokens';

const AUDIENCE = 'tenantry-ops';
const TOKEN_TYPE = 'ops+jwt';
const ALGORITHM = 'HS256';
const MAX_LENGTH = 1_024;

/** The longest time, in hours, for which a token is valid. */
export const MAX_HOURS = 168;

/** What a valid token says. Whether the operator was removed since is known to the database alone. */
export interface OperatorToken {
  readonly operatorId: string;
  /** UUID of this token. */
  readonly tokenId: string;
  /** When the token expires: milliseconds since 1970. */
  readonly expiresAt: number;
}

interface Verified {
  readonly header: { readonly typ?: string };
  readonly payload: { readonly sub?: unknown; readonly jti?: unknown; readonly exp?: unknown };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isUuid = (value: unknown): value is string => typeof value === 'string' && UUID.test(value);

/**
 * The tokens of operators. They are signed with a key that is derived from SECRET_KEY, unlike access tokens, whose keys
 * are in the database. So they do not depend on published or rotated keys, and anyone who has read the database cannot
 * make one.
 * @param secretKey 32 bytes
 */
export const createOperatorTokens = (secretKey: Buffer) => {
  // From a text, jsonwebtoken would create a key for each token, which takes 25 times as long.
  const key = createSecretKey(deriveKey(secretKey, 'operator tokens')) as never;
  const jwt = new JwtService({});
  return {
    /** @param expiresAt within {@link MAX_HOURS}; milliseconds since 1970, a whole number of seconds */
    issue: ({ operatorId, tokenId, expiresAt }: OperatorToken): string =>
      jwt.sign(
        { exp: expiresAt / 1_000 },
        {
          secret: key,
          header: { alg: ALGORITHM, typ: TOKEN_TYPE },
          issuer: ISSUER,
          audience: AUDIENCE,
          subject: operatorId,
          jwtid: tokenId,
        },
      ),
    /** @returns undefined if it is not the token of an operator, or has expired */
    verify: (token: string): OperatorToken | undefined => {
      if (token.length > MAX_LENGTH) return undefined;
      try {
        const { header, payload } = jwt.verify<Verified>(token, {
          secret: key,
          algorithms: [ALGORITHM],
          issuer: ISSUER,
          audience: AUDIENCE,
          complete: true,
        });
        const { sub, jti, exp } = payload;
        if (header.typ !== TOKEN_TYPE || !isUuid(sub) || !isUuid(jti) || typeof exp !== 'number') return undefined;
        return { operatorId: sub, tokenId: jti, expiresAt: exp * 1_000 };
      } catch {
        return undefined;
      }
    },
  };
};

export type OperatorTokens = ReturnType<typeof createOperatorTokens>;
