import type { PersonDb, Statement, TenantDb } from '../../libs/platform/database/scoped-db';

export interface Company {
  readonly tenantId: string;
  readonly name: string;
  readonly slug: string;
  readonly role: string;
}

const MEMBERSHIPS: Statement = {
  name: 'memberships-of-person',
  text: `select tenant_id as "tenantId", role from read_model.memberships
    where person_id = (select nullif(current_setting('app.person_id', true), '')::uuid) order by joined_position`,
};

const COMPANIES: Statement = {
  name: 'companies',
  text: `select tenant_id as "tenantId", name, slug from read_model.companies
    where tenant_id = any ((select string_to_array(nullif(current_setting('app.tenant_ids', true), ''), ',')::uuid[])::uuid[])`,
};

interface Membership {
  readonly tenantId: string;
  readonly role: string;
}

/** Where a person belongs, in the order in which they joined. */
export const membershipsOf = (db: PersonDb): Promise<Membership[]> => db.query<Membership>(MEMBERSHIPS, []);

/** The companies that a person belongs to, in the order in which they joined. */
export const companiesOf = async (db: PersonDb): Promise<Company[]> => {
  const memberships = await membershipsOf(db);
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

export interface MemberRow {
  readonly personId: string;
  readonly role: string;
  readonly joinedAt: Date;
  /** In the log, as text: the list's order. */
  readonly joinedPosition: string;
  readonly version: number;
  readonly name: string;
  readonly email: string;
}

const MEMBER_COLUMNS = `person_id as "personId", role, joined_at as "joinedAt", joined_position::text as "joinedPosition",
  version`;

const MEMBER: Statement = {
  name: 'member',
  text: `select ${MEMBER_COLUMNS} from read_model.members
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid) and person_id = $1`,
};

const MEMBERS: Statement = {
  name: 'members',
  text: `select ${MEMBER_COLUMNS} from read_model.members
    where tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid) and joined_position < $1
    order by joined_position desc limit $2`,
};

const NAMES: Statement = {
  name: 'names-of-people',
  text: `select id, name, email from identity.persons
    where id = any ((select string_to_array(nullif(current_setting('app.person_ids', true), ''), ',')::uuid[])::uuid[])`,
};

type Nameless = Omit<MemberRow, 'name' | 'email'>;

/** Names are personal data and live in identity; whoever is erased has none. */
const named = async (db: TenantDb, members: readonly Nameless[]): Promise<MemberRow[]> => {
  if (members.length === 0) return [];
  const people = await db
    .people(members.map(({ personId }) => personId))
    .query<{ id: string; name: string; email: string }>(NAMES, []);
  const byId = new Map(people.map((person) => [person.id, person]));
  return members.map((member) => {
    const { name = '', email = '' } = byId.get(member.personId) ?? {};
    return { ...member, name, email };
  });
};

/** One of the tenant's members; undefined where there is none. */
export const findMember = async (db: TenantDb, personId: string): Promise<MemberRow | undefined> => {
  const [row] = await named(db, await db.query<Nameless>(MEMBER, [personId]));
  return row;
};

/** After every position of a log. */
const FROM_THE_LAST = (2n ** 63n - 1n).toString();

/** The tenant's members, those who joined last first. @param before only those who joined before this position */
export const listMembers = async (db: TenantDb, before: string | undefined, take: number): Promise<MemberRow[]> =>
  named(db, await db.query<Nameless>(MEMBERS, [before ?? FROM_THE_LAST, take]));
