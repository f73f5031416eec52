import type { Pool } from 'pg';
import { requireSettings } from '#platform/database/roles/role-settings';
import type { DatabaseRole } from '#platform/database/roles/roles';
import type { ScopedDb, Statement } from '#platform/database/scoped/scoped-db';
import { uuidv7 } from '#platform/ids/uuid';
import { NotReady, type ReadinessCheck } from '#platform/readiness/check';

export interface CheckedPools {
  /** The pools of this process, each with its role. */
  readonly pools: readonly (readonly [Pool, DatabaseRole])[];
  /** Undefined if the process answers no requests. */
  readonly db?: Pick<ScopedDb, 'tenant'>;
}

const SCOPE: Statement = {
  name: 'scope-in-force',
  text: `select current_setting('app.tenant_id', true) as tenant,
      current_setting('row_security') = 'on' and not (rolsuper or rolbypassrls) as bound
    from pg_catalog.pg_roles where rolname = current_user`,
};

/**
 * Checks that the setting on which row-level security depends reaches the session, and that the role cannot bypass it.
 */
const requireRowSecurity = async (db: Pick<ScopedDb, 'tenant'>): Promise<void> => {
  const tenantId = uuidv7();
  const [row] = await db.tenant(tenantId).query<{ tenant: string; bound: boolean }>(SCOPE, []);
  if (row?.tenant === tenantId && row.bound) return;
  throw new NotReady(
    'Row-level security does not apply to the role of this process, or its setting is missing in the session.',
  );
};

/**
 * Checks that the sessions of PostgreSQL have the time limits of their roles and the settings of row-level security.
 */
export const databaseSettingsCheck = ({ pools, db }: CheckedPools): ReadinessCheck => ({
  name: 'database settings',
  message: "The settings of PostgreSQL's sessions could not be read.",
  runbook: 'docs/runbooks/readiness.md#database-settings',
  run: async () => {
    await Promise.all([...pools.map(([pool, role]) => requireSettings(pool, role)), db && requireRowSecurity(db)]);
  },
});
