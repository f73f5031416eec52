import { memberOf } from '#domain/tenant/evolve';
import type { UserDb } from '#platform/database/scoped/scoped-db';
import { tokenClass } from '#platform/token-class';
import { type Tenant, tenantsOf } from '#projections/members/queries';
import type { TenantStates } from '../../../bootstrap/sagas/tenant-states';
import type { TenantOfUserDto } from './identity.dto';
import type { SessionTenant } from './session-opener';

const tenantOf = ({ tenantId, name, slug, role }: Tenant): TenantOfUserDto => ({ id: tenantId, name, slug, role });

/** The open tenants of a user, from the read models, which may be behind. */
export const listTenants = async (db: UserDb): Promise<TenantOfUserDto[]> => (await tenantsOf(db)).map(tenantOf);

/** A tenant with the present membership of a user, read from its stream. */
export interface LiveMembership {
  readonly tenant: TenantOfUserDto;
  /** Identifies the membership, see `Member.since`. */
  readonly memberSince: number;
}

/** The tenant of a new session; undefined without a membership. */
export const sessionTenantOf = (live: LiveMembership | undefined): SessionTenant | undefined =>
  live && { id: live.tenant.id, role: live.tenant.role, memberSince: live.memberSince };

/**
 * Reads a tenant from its stream. Sign-ins are decided by it, because the read models may be behind.
 * @returns a function that resolves to undefined if the user is not a member of the tenant, or the tenant is not open
 */
export const createLiveTenant =
  (stateOf: TenantStates) =>
  async (tenantId: string, userId: string): Promise<LiveMembership | undefined> => {
    const tenant = await stateOf(tenantId);
    const member = memberOf(tenant, userId);
    if (tenant.status !== 'open' || !member) return undefined;
    const { name, slug } = tenant;
    return { tenant: { id: tenantId, name, slug, role: member.role }, memberSince: member.since };
  };

export abstract class LiveTenant extends tokenClass<ReturnType<typeof createLiveTenant>>() {}
