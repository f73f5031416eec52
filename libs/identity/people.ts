import type { Pool } from 'pg';
import { withClient } from '../platform/database/pools';
import type { PersonDb, Statement } from '../platform/database/scoped-db';
import { emailKey } from './email';

export interface Person {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly createdAt: Date;
}

export interface Credentials {
  readonly personId: string;
  readonly passwordHash: string;
  /** The company of the last session, if there was one. */
  readonly lastTenantId: string | null;
  /** They have signed in from that network before. */
  readonly familiar: boolean;
}

const PERSON: Statement = {
  name: 'person',
  text: `select id, email, name, created_at as "createdAt" from identity.persons
    where id = (select nullif(current_setting('app.person_id', true), '')::uuid) and state <> 'erased'`,
};

/** The person whose database it is; undefined where they are gone. */
export const findPerson = async (db: PersonDb): Promise<Person | undefined> => {
  const [row] = await db.query<Person>(PERSON, []);
  return row;
};

/**
 * What a sign-in is checked against.
 * @param pool connects as the app role
 * @param network the mark of the one that it comes from
 */
export const findCredentials = async (
  pool: Pool,
  email: string,
  network: Buffer | null = null,
): Promise<Credentials | undefined> => {
  const { rows } = await withClient(pool, (client) =>
    client.query<Credentials>({
      name: 'find-credentials',
      text: `select person_id as "personId", password_hash as "passwordHash", last_tenant_id as "lastTenantId",
          familiar from identity.find_credentials($1, $2)`,
      values: [emailKey(email), network],
    }),
  );
  return rows[0];
};
