import { listSigningKeys, revokeSigningKey, rotateSigningKeys } from '#identity/keys/signing-key-store';
import type { Context } from '../bootstrap/context';
import { type RecordAction, withOperatorPool } from './operator-session';
import { table } from './table';
import { UsageError } from './usage';

/** Lists every key that signs tokens, will sign tokens, or still verifies tokens. */
export const listKeys = async (context: Context): Promise<string> => {
  const keys = await withOperatorPool(context, listSigningKeys);
  const rows = keys.map(({ kid, state, createdAt, retiredAt }) => [
    kid,
    state,
    createdAt.toISOString(),
    retiredAt?.toISOString() ?? '',
  ]);
  return table(['key', 'state', 'created', 'retired'], rows);
};

/**
 * Makes the next key sign new access tokens. Tokens of the previous key stay valid until they expire. Without `--now`,
 * it is refused while services that cache the published keys may not know the next key yet.
 */
export const rotateKeys = async (context: Context, words: readonly string[], record: RecordAction): Promise<string> => {
  const now = words[0] === '--now';
  if (words.length > (now ? 1 : 0)) throw new UsageError('keys rotate has no argument but --now');
  await record('keys.rotate', now ? '--now' : null);
  await withOperatorPool(context, (pool) => rotateSigningKeys(pool, context.secretKey, now ? 0 : undefined));
  return 'the next signing key now signs access tokens; tokens signed with the previous key stay valid until they expire';
};

/** Revokes a key, for example after it was stolen. Users with a token of this key have to refresh their token. */
export const revokeKey = async (
  context: Context,
  [kid, ...rest]: readonly string[],
  record: RecordAction,
): Promise<string> => {
  if (!kid || rest.length > 0) throw new UsageError('name one key; `tenantry keys` lists them');
  await record('keys.revoke', kid);
  const state = await withOperatorPool(context, (pool) => revokeSigningKey(pool, context.secretKey, kid));
  const replaced = state === 'retired' ? '' : '; a new key replaces it';
  return `${kid} is revoked: tokens signed with it are refused${replaced}`;
};
