import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { ExtractJwt, Strategy } from 'passport-jwt';
import { isRole } from '#domain/tenant/roles';
import { ALGORITHM } from '#identity/keys/signing-key-store';
import { SigningKeys } from '#identity/keys/signing-keys';
import { type AccessClaims, AUDIENCE, ISSUER, TOKEN_TYPE } from '#identity/tokens/access-tokens';
import type { AuthenticatedUser } from '../../http/requests/request-context';
import { isUuid } from '../../http/validation/fields';

export type Verified = AuthenticatedUser & {
  /** ms since 1970 */
  readonly expiresAt: number;
};

/** A key could not be looked up: no fault of the token. passport-jwt hands it on as if it were one. */
export class KeyLookupFailed extends Error {
  override readonly name = 'KeyLookupFailed';
}

/** The key id that a token names in its header; undefined for what can't be a token of ours. */
const keyIdOf = (token: string): string | undefined => {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString());
    if (typeof header !== 'object' || header === null || !('kid' in header) || !('typ' in header)) return undefined;
    return header.typ === TOKEN_TYPE && isUuid(header.kid) ? header.kid : undefined;
  } catch {
    return undefined;
  }
};

/** Checks an access token: signature by one of our own keys, algorithm, type, issuer, audience, times. */
@Injectable()
export class JwtStrategy extends PassportStrategy(Strategy, 'jwt') {
  constructor(keys: SigningKeys) {
    super({
      jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      secretOrKeyProvider: (_request: unknown, token: string, done: (error: unknown, key?: string) => void) => {
        const kid = keyIdOf(token);
        if (kid === undefined) return done(new Error('not a token of ours'));
        keys.find(kid).then(
          // jsonwebtoken takes a KeyObject; the types of passport-jwt do not say so.
          (key) => (key ? done(null, key as unknown as string) : done(new Error('not a key of ours'))),
          (error: unknown) => done(new KeyLookupFailed('the signing keys could not be read', { cause: error })),
        );
      },
    });
  }

  /** What the guard gets for a token that is good; null for one whose claims make no sense. */
  validate({ sub, tid, role, sid, exp }: Partial<AccessClaims>): Verified | null {
    if (!isUuid(sub) || !isUuid(sid) || typeof exp !== 'number') return null;
    const user = { userId: sub, sessionId: sid, expiresAt: exp * 1_000 };
    if (tid === undefined && role === undefined) return user;
    return isUuid(tid) && isRole(role) ? { ...user, tenantId: tid, role } : null;
  }
}
