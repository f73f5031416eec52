import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';

/** Seconds in which a refresh token may be used again: two tabs of one client that wake up together are no thieves. */
export const GRACE_SECONDS = 10;
/** Characters of it that are kept. */
const USER_AGENT = 256;
/** Refreshes that a client may have made within the grace; more are no client's. */
const MAX_STEPS = 16;

/** What is remembered of the client that a session was opened by. */
export interface SessionClient {
  /** What it calls itself. */
  readonly userAgent?: string | undefined;
  /** The mark of the network that it comes from. */
  readonly network?: Buffer;
}

/** Whose session it is, and in which tenant; null: in none. */
export interface SessionOwner {
  readonly userId: string;
  readonly tenantId: string | null;
}

export interface OpenedSession {
  readonly sessionId: string;
  /** 256 bits; only its hash is kept. */
  readonly refreshToken: string;
}

type Refused =
  | { readonly outcome: 'unknown' | 'ended' }
  /** The session that this has ended. */
  | { readonly outcome: 'reused'; readonly sessionId: string };

export type Refreshed =
  | {
      readonly outcome: 'rotated';
      readonly sessionId: string;
      readonly userId: string;
      readonly tenantId: string | null;
      readonly refreshToken: string;
    }
  | Refused;

type Row =
  | {
      readonly outcome: 'rotated';
      readonly salt: Buffer;
      /** The next token is used too: somebody else was told it in the meantime. */
      readonly nextUsed: boolean;
      readonly sessionId: string;
      readonly userId: string;
      readonly tenantId: string | null;
    }
  | Refused;

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The token that follows another one. Nobody can tell it who lacks the one before, or the salt of its refresh. */
const successorOf = (token: string, salt: Buffer): string =>
  createHmac('sha256', token).update(salt).digest('base64url');

/**
 * Sessions and the refresh tokens that keep them alive.
 * @param pool connects as the app role
 * @param days how long a session lives without being used
 */
export const createSessions = (pool: Pool, days: number) => {
  const rotate = async (token: string): Promise<Row> => {
    const salt = randomBytes(32);
    const { rows } = await withClient(pool, (client) =>
      client.query<Row>({
        name: 'rotate-refresh-token',
        text: `select outcome, salt, next_used as "nextUsed",
            session_id as "sessionId", user_id as "userId", tenant_id as "tenantId"
          from identity.rotate_refresh_token($1, $2, $3, $4, $5)`,
        values: [hashOf(token), salt, hashOf(successorOf(token, salt)), GRACE_SECONDS, days],
      }),
    );
    return rows[0] ?? { outcome: 'unknown' };
  };

  return {
    /**
     * Begins a session, in a tenant or (null) in none. With the id of one that the same command began, that one, with another refresh token.
     * @throws Problem unauthenticated where the user is gone
     */
    open: async (
      userId: string,
      tenantId: string | null,
      { userAgent, network }: SessionClient = {},
      sessionId: string = uuidv7(),
    ): Promise<OpenedSession> => {
      const refreshToken = randomBytes(32).toString('base64url');
      const { rows } = await withClient(pool, (client) =>
        client.query<{ opened: boolean }>({
          name: 'open-session',
          text: 'select identity.open_session($1, $2, $3, $4, $5, $6, $7) as opened',
          values: [
            sessionId,
            userId,
            tenantId,
            hashOf(refreshToken),
            days,
            userAgent?.replaceAll('\0', '').slice(0, USER_AGENT) ?? null,
            network ?? null,
          ],
        }),
      );
      if (!rows[0]?.opened) throw new Problem('unauthenticated', { detail: 'Sign in again.' });
      return { sessionId, refreshToken };
    },

    /** Whose refresh token it is, used or not; undefined for one that is not known. */
    ownerOf: async (token: string): Promise<SessionOwner | undefined> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<SessionOwner>({
          name: 'find-refresh-token',
          text: `select user_id as "userId", tenant_id as "tenantId" from identity.find_refresh_token($1)`,
          values: [hashOf(token)],
        }),
      );
      return rows[0];
    },

    /**
     * Trades a refresh token for the next one. One that comes a second time ends its session (`reused`), but within
     * {@link GRACE_SECONDS} of the first time: then the answer is that of the first time.
     */
    refresh: async (token: string): Promise<Refreshed> => {
      let refreshToken = token;
      for (let step = 0; step < MAX_STEPS; step++) {
        const row = await rotate(refreshToken);
        if (row.outcome === 'reused') return { outcome: row.outcome, sessionId: row.sessionId };
        if (row.outcome !== 'rotated') return { outcome: row.outcome };
        const { salt, nextUsed, ...session } = row;
        refreshToken = successorOf(refreshToken, salt);
        if (!nextUsed) return { ...session, refreshToken };
      }
      return { outcome: 'unknown' };
    },
  };
};

export abstract class Sessions extends tokenClass<ReturnType<typeof createSessions>>() {}
