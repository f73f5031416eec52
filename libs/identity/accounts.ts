import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import { emailKey } from './email';

/** What a user is asked again for, before anything that a stolen token must not do. */
export interface StoredPassword {
  /** The account, as attempts are counted by. */
  readonly emailKey: string;
  readonly passwordHash: string;
}

export interface ProfileChange {
  readonly name?: string | undefined;
  readonly email?: string | undefined;
}

/** What a change is meant for: of another name or address it is `stale`. */
export interface ProfileSeen {
  readonly name: string;
  readonly email: string;
}

export type ProfileChanged = 'changed' | 'stale' | 'taken' | 'gone';

/** What people do with their own accounts. @param pool connects as the app role */
export const createAccounts = (pool: Pool) => {
  const ask = async <Row extends object>(
    name: string,
    text: string,
    values: readonly unknown[],
  ): Promise<Row | undefined> => {
    const { rows } = await withClient(pool, (client) => client.query<Row>({ name, text, values: [...values] }));
    return rows[0];
  };

  return {
    /** Undefined where the user is gone. */
    findPassword: (userId: string): Promise<StoredPassword | undefined> =>
      ask(
        'find-password',
        'select email_key as "emailKey", password_hash as "passwordHash" from identity.find_password($1)',
        [userId],
      ),

    /**
     * Puts a password in the place of the one that was checked, and ends every session but one.
     * @returns the sessions that ended; undefined where the password was changed meanwhile
     */
    changePassword: async (
      userId: string,
      oldHash: string,
      newHash: string,
      keptSessionId: string,
    ): Promise<readonly string[] | undefined> => {
      const row = await ask<{ ended: string[] | null }>(
        'change-password',
        'select identity.change_password($1, $2, $3, $4)::text[] as ended',
        [userId, oldHash, newHash, keptSessionId],
      );
      return row?.ended ?? undefined;
    },

    /** Changes what is given; `taken` is the address, by somebody else. */
    changeProfile: async (
      userId: string,
      { name, email }: ProfileChange,
      seen?: ProfileSeen,
    ): Promise<ProfileChanged> => {
      const row = await ask<{ outcome: ProfileChanged }>(
        'change-profile',
        'select identity.change_profile($1, $2, $3, $4, $5, $6) as outcome',
        [
          userId,
          name ?? null,
          email ?? null,
          email === undefined ? null : emailKey(email),
          seen?.name ?? null,
          seen?.email ?? null,
        ],
      );
      return row?.outcome ?? 'gone';
    },

    /** False where it is no session of that user. */
    endSession: async (userId: string, sessionId: string): Promise<boolean> => {
      const row = await ask<{ ended: boolean }>('end-session', 'select identity.end_session($1, $2) as ended', [
        userId,
        sessionId,
      ]);
      return row?.ended ?? false;
    },
  };
};

export type Accounts = ReturnType<typeof createAccounts>;
