import type { SigningKeys } from '#identity/keys/signing-keys';
import { createTokenCache, type TokenCache } from '#identity/tokens/token-cache';
import { tokenClass } from '#platform/token-class';
import type { AuthenticatedUser } from '../../http/requests/request-context';

/** Verified tokens that one process remembers. */
const TOKENS = 50_000;

/** The access tokens that were verified, by the whole `Authorization` field. */
export abstract class VerifiedTokens extends tokenClass<TokenCache<AuthenticatedUser>>() {}

/** A token that is remembered was signed by a key that verifies: when a key is revoked, every token is verified again. */
export const createVerifiedTokens = (keys: SigningKeys): VerifiedTokens => {
  const cache = createTokenCache<AuthenticatedUser>(TOKENS);
  keys.onRevoked(() => cache.drop(() => true));
  return cache;
};
