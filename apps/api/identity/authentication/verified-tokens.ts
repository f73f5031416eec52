import type { SigningKeys } from '#identity/keys/signing-keys';
import { createTokenCache, type TokenCache } from '#identity/tokens/token-cache';
import { tokenClass } from '#platform/token-class';
import type { AuthenticatedUser } from '../../http/requests/request-context';

/** Tokens in the cache of one process. */
const MAX_TOKENS = 50_000;

/** The users of verified access tokens, by the value of the `Authorization` field. */
export abstract class VerifiedTokens extends tokenClass<TokenCache<AuthenticatedUser>>() {}

/** A cache of verified tokens that is emptied when a signing key is revoked, because that key may have signed them. */
export const createVerifiedTokens = (keys: SigningKeys): VerifiedTokens => {
  const cache = createTokenCache<AuthenticatedUser>(MAX_TOKENS);
  keys.onRevoked(() => cache.drop(() => true));
  return cache;
};
