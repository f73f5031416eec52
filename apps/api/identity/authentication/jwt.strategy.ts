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
  /** Milliseconds since 1970. */
  readonly expiresAt: number;
};

/** A signing key could not be read. passport-jwt reports it like a defect of the token, which it is not. */
export class KeyLookupFailed extends Error {
  override readonly name = 'KeyLookupFailed';
}

/** The key id in the header of a token; undefined if this server cannot have issued the token. */
const keyIdOf = (token: string): string | undefined => {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf('.')), 'base64url').toString());
    if (typeof header !== 'object' || header === null || !('kid' in header) || !('typ' in header)) return undefined;
    return header.typ === TOKEN_TYPE && isUuid(header.kid) ? header.kid : undefined;
  } catch {
    return undefined;
  }
};

/** Checks an access token: its signature by one of the signing keys, algorithm, type, issuer, audience and times. */
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
        if (kid === undefined) return done(new Error('this server did not issue the token'));
        keys.find(kid).then(
          // jsonwebtoken accepts a KeyObject; the types of passport-jwt only allow a string.
          (key) =>
            key ? done(null, key as unknown as string) : done(new Error('the key is not a signing key of this server')),
          (error: unknown) => done(new KeyLookupFailed('the signing keys could not be read', { cause: error })),
        );
      },
    });
  }

  /** Called with the claims of a verified token. @returns null if the claims are not valid, which refuses the token */
  validate({ sub, tid, role, mem, sid, exp }: Partial<AccessClaims>): Verified | null {
    if (!isUuid(sub) || !isUuid(sid) || typeof exp !== 'number') return null;
    const user = { userId: sub, sessionId: sid, expiresAt: exp * 1_000 };
    if (tid === undefined && role === undefined) return user;
    return isUuid(tid) && isRole(role) ? { ...user, tenantId: tid, role, memberSince: mem } : null;
  }
}
