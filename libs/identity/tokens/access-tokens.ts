import { JwtService } from '@nestjs/jwt';
import { uuidv7 } from '#platform/ids/uuid';
import { tokenClass } from '#platform/token-class';
import { ALGORITHM } from '../keys/signing-key-store';
import type { SigningKeys } from '../keys/signing-keys';

export const ISSUER = 'tenantry';
export const AUDIENCE = 'tenantry-api';
/** RFC 9068: no other token of ours can be taken for an access token. */
export const TOKEN_TYPE = 'at+jwt';

export interface AccessClaims {
  /** The user. */
  readonly sub: string;
  /** The tenant that they act in, and their role in it; neither where they act in none. */
  readonly tid?: string | undefined;
  readonly role?: string | undefined;
  readonly sid: string;
  /** Unix seconds. */
  readonly exp: number;
}

/** Signs access tokens with the current key. @param ttlSeconds how long they are valid for */
export const createAccessTokens = (keys: SigningKeys, ttlSeconds: number) => {
  const jwt = new JwtService({});
  return {
    ttlSeconds,
    issue: ({ sub, tid, role, sid }: Omit<AccessClaims, 'exp'>): string => {
      const { kid, privateKey } = keys.current();
      return jwt.sign(
        { tid, role, sid },
        {
          // The type of the library has no KeyObject; jsonwebtoken takes one, and is 25 times faster with it.
          privateKey: privateKey as never,
          algorithm: ALGORITHM,
          keyid: kid,
          header: { alg: ALGORITHM, typ: TOKEN_TYPE },
          issuer: ISSUER,
          audience: AUDIENCE,
          subject: sub,
          jwtid: uuidv7(),
          expiresIn: ttlSeconds,
        },
      );
    },
  };
};

export abstract class AccessTokens extends tokenClass<ReturnType<typeof createAccessTokens>>() {}
