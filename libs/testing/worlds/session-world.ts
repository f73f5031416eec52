import type { Pool } from 'pg';
import { createSessions, FIRST_PASSWORD, type SessionProof, type SessionToOpen } from '#identity/sessions/sessions';
import { createPool } from '#platform/database/connections/pools';
import { uuidv7 } from '#platform/ids/uuid';
import { testAccess } from '../access';
import { createTestDatabase } from '../database';
import { eventually } from './rebuild-world';

/** The cause of the sessions in tests. */
export const CAUSE = { correlationId: 'test' };

/** A database with a user, and the sessions of its users. */
export interface SessionWorld {
  /** Connects as the app role. */
  readonly pool: Pool;
  readonly projector: Pool;
  readonly owner: Pool;
  readonly user: string;
  readonly tenant: string;
  readonly sessions: ReturnType<typeof createSessions>;
  /** A session to open: of `user`, with the first password, by default. */
  toOpen(proof?: SessionProof, userId?: string): SessionToOpen;
  /** @returns the id of a new user, whose stored password is `hash` */
  createUser(): Promise<string>;
  /** The ids of the open sessions of a user, the oldest first. */
  openOf(userId: string): Promise<string[]>;
  /** Waits until another connection waits for a lock. */
  untilBlocked(): Promise<void>;
  /** Sets the time at which the tokens of a session were used back by `seconds`. */
  later(sessionId: string, seconds: number): Promise<void>;
  close(): Promise<void>;
}

export const openSessionWorld = async (): Promise<SessionWorld> => {
  const database = await createTestDatabase();
  const pool = createPool({ url: database.urls.app, max: 8, applicationName: 'test' });
  const projector = createPool({ url: database.urls.projector, max: 4, applicationName: 'test' });
  const owner = createPool({ url: database.urls.owner, max: 2, applicationName: 'test' });
  const tenant = uuidv7();

  const createUser = async (): Promise<string> => {
    const id = uuidv7();
    await owner.query(
      `insert into identity.users (id, email, email_key, name, password_hash, state)
       values ($1::uuid, $1::text, $1::text, 'A', 'hash', 'active')`,
      [id],
    );
    return id;
  };
  const user = await createUser();

  return {
    ...{ pool, projector, owner, user, tenant, sessions: createSessions(pool, 30), createUser },
    toOpen: (proof = FIRST_PASSWORD, userId = user) => {
      const sessionId = uuidv7();
      return {
        ...{ sessionId, userId, tenantId: tenant, memberSince: 1, proof, method: 'password', cause: CAUSE },
        ...{ access: testAccess({ credentialId: sessionId }), network: Buffer.from('network') },
      };
    },
    openOf: async (userId) => {
      const { rows } = await owner.query<{ id: string }>(
        'select id from identity.sessions where user_id = $1 and ended_at is null order by created_at, id',
        [userId],
      );
      return rows.map(({ id }) => id);
    },
    untilBlocked: () =>
      eventually(async () => {
        const blocked = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
        return (await owner.query(blocked)).rows.length > 0;
      }),
    later: async (sessionId, seconds) => {
      await owner.query(
        'update identity.refresh_tokens set used_at = used_at - make_interval(secs => $2) where session_id = $1',
        [sessionId, seconds],
      );
    },
    close: async () => {
      await Promise.all([pool.end(), projector.end(), owner.end()]);
      await database.drop();
    },
  };
};
