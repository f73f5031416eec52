import { rotateSigningKeys } from '../../libs/identity/signing-key-store';
import { createPool } from '../../libs/platform/database/pools';
import type { Context } from '../context';

/**
 * Signs new access tokens with the key that all processes have known as the next one; tokens of the former key stay good
 * until they expire.
 */
export const rotateKeys = async ({ databaseUrls, secretKey }: Context): Promise<string> => {
  const pool = createPool({ url: databaseUrls.operator, max: 1, applicationName: 'tenantry-cli' });
  try {
    await rotateSigningKeys(pool, secretKey);
    return 'the next signing key is the current one; tokens of the former one stay good until they expire';
  } finally {
    await pool.end();
  }
};
