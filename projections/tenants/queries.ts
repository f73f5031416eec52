import type { Pool } from 'pg';
import { withClient } from '#platform/database/connections/pools';
import type { Statement, TenantDb } from '#platform/database/scoped/scoped-db';

export interface TenantRow {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
  readonly lock: string;
  readonly lockReason: string | null;
  readonly lockedSince: Date | null;
  readonly version: number;
}

const TENANT: Statement = {
  name: 'tenant',
  text: `select tenant_id as id, name, slug, plan, lock, lock_reason as "lockReason", locked_since as "lockedSince", version
    from read_model.tenants where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)`,
};

/** The tenant of the scope; undefined if the read model does not have it. */
export const findTenant = async (db: TenantDb): Promise<TenantRow | undefined> => {
  const [row] = await db.query<TenantRow>(TENANT, []);
  return row;
};

/** SQL that adds the name and slug of a tenant to rows with its `tenant_id`. */
export const JOIN_TENANTS = 'join read_model.companies using (tenant_id)';

/**
 * The ids of closed tenants whose retention period has ended, for work outside of a tenant's requests.
 * @param pool connects as the projector
 * @param limit the most ids that are returned
 * @param now the time of this process. The earlier of its clock and that of the database counts, because an erasure
 *   cannot be undone: a clock that is ahead erases nothing
 */
export const tenantsToErase = (pool: Pool, limit: number, now: Date = new Date()): Promise<string[]> =>
  withClient(pool, async (client) => {
    const { rows } = await client.query<{ id: string }>({
      name: 'tenants-to-erase',
      text: `select tenant_id as id from read_model.closed_tenants where erase_after <= least(now(), $2)
        order by erase_after limit $1`,
      values: [limit, now],
    });
    return rows.map(({ id }) => id);
  });
