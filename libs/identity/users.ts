import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Statement, UserDb } from '#platform/database/scoped/scoped-db';
import { emailKey } from './email';

export interface User {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly createdAt: Date;
}

export interface Credentials {
  readonly userId: string;
  readonly passwordHash: string;
  /** The number of the password, which each change raises. A session is opened only if it is still the same. */
  readonly passwordVersion: number;
  /** The tenant of the last session, if there was one. */
  readonly lastTenantId: string | null;
  /** The user has signed in from that network before. */
  readonly familiar: boolean;
}

const USER: Statement = {
  name: 'user',
  text: `select id, email, name, created_at as "createdAt" from identity.users
    where id = (select nullif(current_setting('app.user_id', true), '')::uuid) and state <> 'erased'`,
};

/** The user to whom `db` is scoped. @returns undefined if the user does not exist or is erased */
export const findUser = async (db: UserDb): Promise<User | undefined> => {
  const [row] = await db.query<User>(USER, []);
  return row;
};

/**
 * What a sign-in is checked against.
 * @param pool connects as the app role
 * @param network the mark of the client's network, see `network-marks.ts`; null: no network is familiar
 * @returns undefined if no user who can sign in has the address
 */
export const findCredentials = async (
  pool: Pool,
  email: string,
  network: Buffer | null = null,
): Promise<Credentials | undefined> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<Credentials>({
      name: 'find-credentials',
      text: `select user_id as "userId", password_hash as "passwordHash", password_version as "passwordVersion",
          last_tenant_id as "lastTenantId", familiar from identity.find_credentials($1, $2)`,
      values: [emailKey(email), network],
    }),
  );
  return rows[0];
};
