import type { Statement, TenantDb } from '../../libs/platform/database/scoped-db';

export interface TenantRow {
  readonly id: string;
  readonly name: string;
  readonly slug: string;
  readonly plan: string;
  readonly version: number;
}

const TENANT: Statement = {
  name: 'tenant',
  text: `select tenant_id as id, name, slug, plan, version
    from read_model.tenants where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)`,
};

/** The database's own tenant; undefined where the read model does not know it. */
export const findTenant = async (db: TenantDb): Promise<TenantRow | undefined> => {
  const [row] = await db.query<TenantRow>(TENANT, []);
  return row;
};
