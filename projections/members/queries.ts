import { joinNames } from '#identity/name-join';
import type { Statement, TenantDb, UserDb } from '#platform/database/scoped/scoped-db';
import { JOIN_TENANTS } from '../tenants/queries';

export interface Tenant {
  readonly tenantId: string;
  readonly name: string;
  readonly slug: string;
  readonly role: string;
}

const OWN = `user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)`;

const MEMBERSHIPS: Statement = {
  name: 'memberships-of-user',
  text: `select tenant_id as "tenantId", role from read_model.memberships where ${OWN} order by joined_position`,
};

const WHERE_THEY_BELONG: Statement = {
  name: 'companies-of-user',
  text: `select tenant_id from read_model.memberships where ${OWN}`,
};

const TENANTS: Statement = {
  name: 'companies',
  text: `select tenant_id as "tenantId", name, slug, role
    from read_model.memberships ${JOIN_TENANTS} where ${OWN} order by joined_position`,
};

interface Membership {
  readonly tenantId: string;
  readonly role: string;
}

/** Where a user belongs, in the order in which they joined. */
export const membershipsOf = (db: UserDb): Promise<Membership[]> => db.query<Membership>(MEMBERSHIPS, []);

/** The tenants that a user belongs to, in the order in which they joined. */
export const tenantsOf = (db: UserDb): Promise<Tenant[]> => db.tenants(WHERE_THEY_BELONG).query<Tenant>(TENANTS, []);

export interface MemberRow {
  readonly userId: string;
  readonly role: string;
  readonly joinedAt: Date;
  /** In the log, as text: the list's order. */
  readonly joinedPosition: string;
  readonly version: number;
  readonly name: string;
  readonly email: string;
}

const HERE = `tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)`;

/** Of one user, or of one page: who it is about. */
const ONE: Statement = {
  name: 'user-of-member',
  text: `select user_id from read_model.members where ${HERE} and user_id = $1`,
};
const PAGE: Statement = {
  name: 'people-of-members',
  text: `select user_id from read_model.members where ${HERE} and joined_position < $1
    order by joined_position desc limit $2`,
};

/** Names are personal data and live in identity. Null where they are not shown: of nobody who has been found before. */
const named = (members: string): string => `select user_id as "userId", role, joined_at as "joinedAt",
    joined_position::text as "joinedPosition", version, name, email
  from (select * from read_model.members where ${HERE} and ${members}) members
  ${joinNames('user_id')} order by joined_position desc`;

const MEMBER: Statement = { name: 'member', text: named('user_id = $1') };
const MEMBERS: Statement = {
  name: 'members',
  text: named('joined_position < $1 order by joined_position desc limit $2'),
};

type Shown = Omit<MemberRow, 'name' | 'email'> & { readonly name: string | null; readonly email: string | null };

/**
 * Who came into the list between the two statements of one message has no name in it yet: it is asked for once more.
 * Anyone who is being erased has none any more.
 */
const withNames = async (ask: () => Promise<Shown[]>): Promise<MemberRow[]> => {
  const shown = await ask();
  const rows = shown.every(({ name }) => name !== null) ? shown : await ask();
  return rows.map(({ name, email, ...row }) => ({ ...row, name: name ?? '', email: email ?? '' }));
};

/** One of the tenant's members; undefined where there is none. */
export const findMember = async (db: TenantDb, userId: string): Promise<MemberRow | undefined> => {
  const [row] = await withNames(() => db.people(ONE, [userId]).query<Shown>(MEMBER, [userId]));
  return row;
};

/** After every position of a log. */
const FROM_THE_LAST = (2n ** 63n - 1n).toString();

/** The tenant's members, those who joined last first. @param before only those who joined before this position */
export const listMembers = (db: TenantDb, before: string | undefined, take: number): Promise<MemberRow[]> => {
  const page = [before ?? FROM_THE_LAST, String(take)];
  return withNames(() => db.people(PAGE, page).query<Shown>(MEMBERS, page));
};
