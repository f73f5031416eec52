import type { PersonDb, Statement } from '../../libs/platform/database/scoped-db';

export interface Company {
  readonly tenantId: string;
  readonly name: string;
  readonly slug: string;
  readonly role: string;
}

const MEMBERSHIPS: Statement = {
  name: 'memberships-of-person',
  text: `select tenant_id as "tenantId", role from read_model.members
    where person_id = (select nullif(current_setting('app.person_id', true), '')::uuid) order by joined_at, tenant_id`,
};

const COMPANIES: Statement = {
  name: 'companies',
  text: `select tenant_id as "tenantId", name, slug from read_model.tenants
    where tenant_id = any ((select string_to_array(nullif(current_setting('app.tenant_ids', true), ''), ',')::uuid[])::uuid[])`,
};

/** The companies that a person belongs to, in the order in which they joined. */
export const companiesOf = async (db: PersonDb): Promise<Company[]> => {
  const memberships = await db.query<{ tenantId: string; role: string }>(MEMBERSHIPS, []);
  if (memberships.length === 0) return [];
  const companies = await db
    .tenants(memberships.map(({ tenantId }) => tenantId))
    .query<{ tenantId: string; name: string; slug: string }>(COMPANIES, []);
  const byId = new Map(companies.map((company) => [company.tenantId, company]));
  return memberships.flatMap(({ tenantId, role }) => {
    const company = byId.get(tenantId);
    return company ? [{ ...company, role }] : [];
  });
};
