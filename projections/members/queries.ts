import { joinNames } from '#identity/name-join';
import type { Statement, TenantDb, UserDb } from '#platform/database/scoped/scoped-db';
import { JOIN_TENANTS } from '../tenants/queries';

export interface Tenant {
  readonly tenantId: string;
  readonly name: string;
  readonly slug: string;
  readonly role: string;
}

const OF_USER = `user_id = (select nullif(current_setting('app.user_id', true), '')::uuid)`;

const MEMBERSHIPS: Statement = {
  name: 'memberships-of-user',
  text: `select tenant_id as "tenantId", role from read_model.memberships where ${OF_USER} order by joined_position`,
};

const TENANT_IDS: Statement = {
  name: 'companies-of-user',
  text: `select tenant_id from read_model.memberships where ${OF_USER}`,
};

const TENANTS: Statement = {
  name: 'companies',
  text: `select tenant_id as "tenantId", name, slug, role
    from read_model.memberships ${JOIN_TENANTS} where ${OF_USER} order by joined_position`,
};

interface Membership {
  readonly tenantId: string;
  readonly role: string;
}

/** The memberships of the user, in the order of joining. */
export const membershipsOf = (db: UserDb): Promise<Membership[]> => db.query<Membership>(MEMBERSHIPS, []);

/** The tenants of the user with their names, in the order of joining. */
export const tenantsOf = (db: UserDb): Promise<Tenant[]> => db.withTenants(TENANT_IDS).query<Tenant>(TENANTS, []);

export interface MemberRow {
  readonly userId: string;
  readonly role: string;
  readonly joinedAt: Date;
  /** Position in the log at which the member joined, as text. Lists are ordered by it. */
  readonly joinedPosition: string;
  readonly version: number;
  readonly name: string;
  readonly email: string;
}

const OF_TENANT = `tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)`;

/** The user ids of one member or of one page of members. Their names are shown in the same round trip. */
const MEMBER_ID: Statement = {
  name: 'user-of-member',
  text: `select user_id from read_model.members where ${OF_TENANT} and user_id = $1`,
};
const PAGE_IDS: Statement = {
  name: 'users-of-members',
  text: `select user_id from read_model.members where ${OF_TENANT} and joined_position < $1
    order by joined_position desc limit $2`,
};

/**
 * SQL for members with their names, which are personal data and are stored in identity. Names are shown only for the
 * user ids that were selected before, and are null for others.
 */
const selectWithNames = (members: string): string => `select user_id as "userId", role, joined_at as "joinedAt",
    joined_position::text as "joinedPosition", version, name, email
  from (select * from read_model.members where ${OF_TENANT} and ${members}) members
  ${joinNames('user_id')} order by joined_position desc`;

const MEMBER: Statement = { name: 'member', text: selectWithNames('user_id = $1') };
const MEMBERS: Statement = {
  name: 'members',
  text: selectWithNames('joined_position < $1 order by joined_position desc limit $2'),
};

type RowWithoutName = Omit<MemberRow, 'name' | 'email'> & {
  readonly name: string | null;
  readonly email: string | null;
};

/**
 * A member who was added between the two statements of the query has no name in its answer, so the query is repeated
 * once. A user who is being erased has no name any more; the name and address are then empty.
 */
const queryNames = async (query: () => Promise<RowWithoutName[]>): Promise<MemberRow[]> => {
  const first = await query();
  const rows = first.every(({ name }) => name !== null) ? first : await query();
  return rows.map(({ name, email, ...row }) => ({ ...row, name: name ?? '', email: email ?? '' }));
};

/** One member of the tenant; undefined if there is none. */
export const findMember = async (db: TenantDb, userId: string): Promise<MemberRow | undefined> => {
  const [row] = await queryNames(() => db.withUserNames(MEMBER_ID, [userId]).query<RowWithoutName>(MEMBER, [userId]));
  return row;
};

/** A position above every position of a log. */
const ABOVE_EVERY_POSITION = (2n ** 63n - 1n).toString();

/**
 * The members of the tenant, those who joined last first.
 * @param before returns only members who joined before this position
 * @param limit the most rows that are returned
 */
export const listMembers = (db: TenantDb, before: string | undefined, limit: number): Promise<MemberRow[]> => {
  const page = [before ?? ABOVE_EVERY_POSITION, String(limit)];
  return queryNames(() => db.withUserNames(PAGE_IDS, page).query<RowWithoutName>(MEMBERS, page));
};
