import type { Statement, UserDb } from '#platform/database/scoped/scoped-db';

export interface SessionRow {
  readonly id: string;
  /** Null if the session is in no tenant. */
  readonly tenantId: string | null;
  /** The IP address of the client; null if it is not known, or was erased. */
  readonly address: string | null;
  readonly userAgent: string | null;
  readonly createdAt: Date;
  readonly lastUsedAt: Date;
  /** `createdAt` with microseconds, for the cursor of a page. */
  readonly createdKey: string;
}

const SESSIONS: Statement = {
  name: 'sessions-of-user',
  text: `select id, tenant_id as "tenantId", address, user_agent as "userAgent", created_at as "createdAt",
      last_used_at as "lastUsedAt", created_at::text as "createdKey"
    from identity.sessions left join lateral access.last_client(sessions.id) on true
    where user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
      and ended_at is null and expires_at > now()
      and (created_at, id) < (coalesce($1::timestamptz, 'infinity'),
        coalesce($2::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
    order by created_at desc, id desc limit $3`,
};

/**
 * The user's sessions that have not ended or expired, the newest first.
 * @param db scoped to the user
 * @param after `createdKey` and `id` of the last session of the page before; empty for the first page
 */
export const sessionsOf = (db: UserDb, after: readonly (string | null)[], take: number): Promise<SessionRow[]> => {
  const [createdKey = null, id = null] = after;
  return db.query<SessionRow>(SESSIONS, [createdKey, id, take]);
};
