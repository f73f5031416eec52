import { createHash, createHmac, randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { type Access, accessJson } from '#access/access';
import type { SessionStarted } from '#domain/session/events';
import { withClient } from '#platform/database/connections/pools';
import { Problem } from '#platform/problems';
import { tokenClass } from '#platform/token-class';
import { causeJson, type FactCause } from '../facts/cause';

/** Seconds in which a refresh token may be used again, because two tabs of one client may refresh at the same time. */
export const GRACE_SECONDS = 10;
/** Next tokens that one refresh follows within the grace period. No client refreshes more often. */
const MAX_STEPS = 16;

/** The maximum number of open sessions of one user. A further one ends the one that was used least recently. */
export const MAX_SESSIONS = 100;

/**
 * What allows a session to be opened: the version of the password that was checked, or the session whose access token
 * was sent. It must still hold in the transaction that opens the session.
 */
export type SessionProof = { readonly passwordVersion: number } | { readonly sessionId: string };

/** The version of the password of an account that was just created. */
export const FIRST_PASSWORD: SessionProof = { passwordVersion: 1 };

/** A session to open. */
export interface SessionToOpen {
  readonly proof: SessionProof;
  /** By which request, for the history of the tenant. */
  readonly method: SessionStarted['data']['method'];
  readonly cause: FactCause;
  /** The same for each attempt at a command. */
  readonly sessionId: string;
  readonly userId: string;
  /** Null for a session outside of all tenants. */
  readonly tenantId: string | null;
  /** The membership of the user in the tenant, see `Member.since`; null without a tenant. */
  readonly memberSince: number | null;
  /** The access by this session. */
  readonly access: Access;
  /** The mark of the client's network, see `network-marks.ts`. */
  readonly network: Buffer;
}

/** The user of a session, and its tenant; null if it is in no tenant. */
export interface SessionOwner {
  readonly userId: string;
  readonly tenantId: string | null;
  /** The membership for which the session was opened, see `Member.since`; null without a tenant. */
  readonly memberSince: number | null;
}

export interface OpenedSession {
  readonly sessionId: string;
  /** The sessions that ended, because the user had more than {@link MAX_SESSIONS}. */
  readonly ended: readonly string[];
  /** 256 bits in base64url; only its hash is stored. */
  readonly refreshToken: string;
}

type Refused =
  | { readonly outcome: 'unknown' | 'ended' }
  /** The session, and those that were opened from it, were ended by this refresh. */
  | { readonly outcome: 'reused'; readonly ended: readonly string[] };

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
      /** The next token was used, too: another caller received it in the meantime. */
      readonly nextUsed: boolean;
      readonly sessionId: string;
      readonly userId: string;
      readonly tenantId: string | null;
    }
  | Refused;

/** The stored form of a refresh token. */
export const hashOfRefreshToken = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The next token after another one. It cannot be computed without that token and the salt of its refresh. */
const successorOf = (token: string, salt: Buffer): string =>
  createHmac('sha256', token).update(salt).digest('base64url');

/**
 * Opens sessions, and exchanges the refresh tokens that extend them.
 * @param pool connects as the app role
 * @param days without a refresh after which a session expires
 */
export const createSessions = (pool: Pool, days: number) => {
  const rotate = async (token: string, cause: FactCause): Promise<Row> => {
    const salt = randomBytes(32);
    const { rows } = await withClient(pool, (client) =>
      client.query<Row>({
        name: 'rotate-refresh-token',
        text: `select outcome, salt, next_used as "nextUsed",
            session_id as "sessionId", user_id as "userId", tenant_id as "tenantId", ended::text[] as ended
          from identity.rotate_refresh_token($1, $2, $3, $4, $5, $6)`,
        values: [
          hashOfRefreshToken(token),
          salt,
          hashOfRefreshToken(successorOf(token, salt)),
          GRACE_SECONDS,
          days,
          causeJson(cause),
        ],
      }),
    );
    return rows[0] ?? { outcome: 'unknown' };
  };

  return {
    /**
     * Opens a session in a tenant, or in no tenant (null). If an earlier attempt at the same command has opened it, the
     * session gets another refresh token instead.
     * @throws Problem unauthenticated if the user cannot sign in any more, the proof does not hold any more, or the
     *   session belongs to another user or has ended
     */
    open: async (session: SessionToOpen): Promise<OpenedSession> => {
      const { sessionId, userId, tenantId, memberSince, access, network, proof, method, cause } = session;
      const refreshToken = randomBytes(32).toString('base64url');
      const { rows } = await withClient(pool, (client) =>
        client.query<{ ended: string[] | null }>({
          name: 'open-session',
          text: `select identity.open_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)::text[] as ended`,
          values: [
            ...[
              sessionId,
              userId,
              tenantId,
              memberSince,
              hashOfRefreshToken(refreshToken),
              days,
              accessJson(access),
              network,
            ],
            'passwordVersion' in proof ? proof.passwordVersion : null,
            'sessionId' in proof ? proof.sessionId : null,
            ...[MAX_SESSIONS, method, causeJson(cause)],
          ],
        }),
      );
      const ended = rows[0]?.ended;
      if (!ended) throw new Problem('unauthenticated', { detail: 'Sign in again.' });
      return { sessionId, refreshToken, ended };
    },

    /**
     * Ends the session of a refresh token, used or not, and all sessions that were opened from it.
     * @returns the ids of the sessions that had not ended before; empty if the token is unknown
     */
    endByToken: async (token: string, cause: FactCause): Promise<readonly string[]> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<{ ended: string[] | null }>({
          name: 'end-session-of-token',
          text: 'select identity.end_session_of_token($1, $2)::text[] as ended',
          values: [hashOfRefreshToken(token), causeJson(cause)],
        }),
      );
      return rows[0]?.ended ?? [];
    },

    /** The owner of a refresh token, used or not. @returns undefined if the token is unknown */
    ownerOf: async (token: string): Promise<SessionOwner | undefined> => {
      const { rows } = await withClient(pool, (client) =>
        client.query<SessionOwner>({
          name: 'find-refresh-token',
          text: `select user_id as "userId", tenant_id as "tenantId", member_since as "memberSince"
            from identity.find_refresh_token($1)`,
          values: [hashOfRefreshToken(token)],
        }),
      );
      return rows[0];
    },

    /**
     * Exchanges a refresh token for the next one. A second use within {@link GRACE_SECONDS} of the first one returns
     * the same next token, or the latest one of the session if that was used, too. A later second use ends the session
     * (`reused`).
     */
    refresh: async (token: string, cause: FactCause): Promise<Refreshed> => {
      let refreshToken = token;
      for (let step = 0; step < MAX_STEPS; step++) {
        const row = await rotate(refreshToken, cause);
        if (row.outcome === 'reused') return { outcome: row.outcome, ended: row.ended };
        if (row.outcome !== 'rotated') return { outcome: row.outcome };
        const { outcome, salt, nextUsed, sessionId, userId, tenantId } = row;
        refreshToken = successorOf(refreshToken, salt);
        if (!nextUsed) return { outcome, sessionId, userId, tenantId, refreshToken };
      }
      return { outcome: 'unknown' };
    },
  };
};

export abstract class Sessions extends tokenClass<ReturnType<typeof createSessions>>() {}
