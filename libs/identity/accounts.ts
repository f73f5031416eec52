import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { emailKey } from './email';
import { causeJson, type FactCause } from './facts/cause';

/**
 * For changes that a stolen access token must not allow: the user enters the password again, and it is checked against
 * this.
 */
export interface StoredPassword {
  /** Failed attempts are counted by this key. */
  readonly emailKey: string;
  readonly passwordHash: string;
}

export interface ProfileChange {
  readonly name?: string | undefined;
  readonly email?: string | undefined;
}

/** The name and the address that the client has seen. If the user has others by now, the change is `stale`. */
export interface ProfileSeen {
  readonly name: string;
  readonly email: string;
}

export type ProfileChanged = 'changed' | 'stale' | 'taken' | 'gone';

/** Reads and changes the accounts of users. @param pool connects as the app role */
export const createAccounts = (pool: Pool) => {
  const queryRow = async <Row extends object>(
    name: string,
    text: string,
    values: readonly unknown[],
  ): Promise<Row | undefined> => {
    const { rows } = await withClient(pool, (client) => client.query<Row>({ name, text, values: [...values] }));
    return rows[0];
  };

  return {
    /** @returns undefined if the user does not exist or is erased */
    findPassword: (userId: string): Promise<StoredPassword | undefined> =>
      queryRow(
        'find-password',
        'select email_key as "emailKey", password_hash as "passwordHash" from identity.find_password($1)',
        [userId],
      ),

    /** Whether a session was opened with a password, and not from another session, in the last `seconds` seconds. */
    hasSignedInWithin: async (userId: string, sessionId: string, seconds: number): Promise<boolean> => {
      const row = await queryRow<{ recent: boolean }>(
        'has-signed-in-within',
        'select identity.has_signed_in_within($1, $2, $3) as recent',
        [userId, sessionId, seconds],
      );
      return row?.recent ?? false;
    },

    /**
     * Replaces the password that was checked, and ends every session of the user except one.
     * @param oldHash the stored hash that the old password was checked against
     * @returns the ids of the sessions that ended; undefined if the password was changed after the check
     */
    changePassword: async (
      userId: string,
      oldHash: string,
      newHash: string,
      keptSessionId: string,
      cause: FactCause,
    ): Promise<readonly string[] | undefined> => {
      const row = await queryRow<{ ended: string[] | null }>(
        'change-password',
        'select identity.change_password($1, $2, $3, $4, $5)::text[] as ended',
        [userId, oldHash, newHash, keptSessionId, causeJson(cause)],
      );
      return row?.ended ?? undefined;
    },

    /**
     * Changes the properties that are present.
     * @param seen by default the change applies to any name and address
     * @returns `taken` if another user has the address, `gone` if the user does not exist or cannot sign in any more
     */
    changeProfile: async (
      userId: string,
      { name, email }: ProfileChange,
      cause: FactCause,
      seen?: ProfileSeen,
    ): Promise<ProfileChanged> => {
      const row = await queryRow<{ outcome: ProfileChanged }>(
        'change-profile',
        'select identity.change_profile($1, $2, $3, $4, $5, $6, $7) as outcome',
        [
          userId,
          name ?? null,
          email ?? null,
          email === undefined ? null : emailKey(email),
          seen?.name ?? null,
          seen?.email ?? null,
          causeJson(cause),
        ],
      );
      return row?.outcome ?? 'gone';
    },

    /**
     * Ends a session, and all sessions that were opened from it.
     * @param reason `signed-out` for the session of the request, `revoked` for another one
     * @returns the ids of the sessions that had not ended before; undefined if the user has no session with this id
     */
    endSession: async (
      userId: string,
      sessionId: string,
      reason: 'signed-out' | 'revoked',
      cause: FactCause,
    ): Promise<readonly string[] | undefined> => {
      const row = await queryRow<{ ended: string[] | null }>(
        'end-session',
        'select identity.end_session($1, $2, $3, $4)::text[] as ended',
        [userId, sessionId, reason, causeJson(cause)],
      );
      return row?.ended ?? undefined;
    },
  };
};

export type Accounts = ReturnType<typeof createAccounts>;
