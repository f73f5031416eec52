import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';

/**
 * Whether a refresh token is valid and was never used. This does not use it.
 * @param pool connects as the app role
 * @param tokenHash its stored form, see `hashOfRefreshToken`
 */
export const isUnusedRefreshToken = async (pool: Pool, tokenHash: Buffer): Promise<boolean> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<{ unused: boolean }>({
      name: 'is-unused-refresh-token',
      text: 'select identity.is_unused_refresh_token($1) as unused',
      values: [tokenHash],
    }),
  );
  return rows[0]?.unused ?? false;
};
