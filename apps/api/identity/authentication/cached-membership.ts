import type { PaymentState } from '#domain/tenant/billing-account';
import type { OpenTenant, Tenant } from '#domain/tenant/evolve';
import { emptyMap, get } from '#domain/tenant/persistent-map';
import type { Role } from '#domain/tenant/roles';

type Members = OpenTenant['members'];

/** API calls that the plan of a tenant allows in a month. */
export interface CallAllowance {
  /** Null: the plan has no limit. The calls are counted nevertheless. */
  readonly limit: number | null;
  readonly plan: string;
  /** The next larger plan; null if there is none. */
  readonly upgradeTo: string | null;
}

/** The part of a tenant's state that decides what its members may do. */
export interface CachedTenant {
  readonly members: Members;
  readonly standing: PaymentState;
  /** Null: calls are not counted. */
  readonly calls: CallAllowance | null;
}

/** A tenant that does not exist, or is closed: nobody is a member. */
const NO_TENANT: CachedTenant = { members: emptyMap, standing: { kind: 'active' }, calls: null };

/** The role of a user in a tenant, with the standing and the call allowance of the tenant. */
export interface CachedMembership extends Omit<CachedTenant, 'members'> {
  readonly role: Role;
  /** Identifies the membership, see `Member.since`. */
  readonly since: number;
}

/** @param callsOf the calls that the plan of a tenant allows; null if calls are not counted */
export const cachedTenantOf = (tenant: Tenant, callsOf: (tenant: OpenTenant) => CallAllowance | null): CachedTenant =>
  tenant.status === 'open'
    ? { members: tenant.members, standing: tenant.account.standing, calls: callsOf(tenant) }
    : NO_TENANT;

/** The membership of a user in a tenant; undefined if the user is not a member. */
export const membershipIn = (
  { members, standing, calls }: CachedTenant,
  userId: string,
): CachedMembership | undefined => {
  const member = get(members, userId);
  return member && { role: member.role, since: member.since, standing, calls };
};
