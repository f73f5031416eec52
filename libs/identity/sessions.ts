import { createHash, randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { withClient } from '../platform/database/pools';
import { uuidv7 } from '../platform/ids/uuid';

/** Seconds in which a refresh token may be used again: two tabs of one client that wake up together are no thieves. */
const GRACE_SECONDS = 10;

export interface OpenedSession {
  readonly sessionId: string;
  /** 256 bits; only its hash is kept. */
  readonly refreshToken: string;
}

export type Refreshed =
  | { readonly outcome: 'rotated'; sessionId: string; personId: string; tenantId: string; refreshToken: string }
  | { readonly outcome: 'unknown' | 'ended' | 'reused' };

const createRefreshToken = (): string => randomBytes(32).toString('base64url');
const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/**
 * Sessions and the refresh tokens that keep them alive.
 * @param pool connects as the app role
 * @param days how long a session lives without being used
 */
export const createSessions = (pool: Pool, days: number) => ({
  open: async (personId: string, tenantId: string): Promise<OpenedSession> => {
    const sessionId = uuidv7();
    const refreshToken = createRefreshToken();
    await withClient(pool, (client) =>
      client.query({
        name: 'open-session',
        text: 'select identity.open_session($1, $2, $3, $4, $5)',
        values: [sessionId, personId, tenantId, hashOf(refreshToken), days],
      }),
    );
    return { sessionId, refreshToken };
  },

  /** Trades a refresh token for the next one; one that comes a second time ends its session. */
  refresh: async (token: string): Promise<Refreshed> => {
    const refreshToken = createRefreshToken();
    const { rows } = await withClient(pool, (client) =>
      client.query<{ outcome: Refreshed['outcome']; sessionId: string; personId: string; tenantId: string }>({
        name: 'rotate-refresh-token',
        text: `select outcome, session_id as "sessionId", person_id as "personId", tenant_id as "tenantId"
          from identity.rotate_refresh_token($1, $2, $3, $4)`,
        values: [hashOf(token), hashOf(refreshToken), GRACE_SECONDS, days],
      }),
    );
    const [row] = rows;
    if (row?.outcome !== 'rotated') return { outcome: row?.outcome ?? 'unknown' };
    return { ...row, outcome: 'rotated', refreshToken };
  },
});

export type Sessions = ReturnType<typeof createSessions>;
