import { memberOf } from '#domain/tenant/evolve';
import type { UserDb } from '#platform/database/scoped/scoped-db';
import { tokenClass } from '#platform/token-class';
import { type Tenant, tenantsOf } from '#projections/members/queries';
import type { TenantStates } from '../../../bootstrap/sagas/tenant-states';
import type { TenantDto } from './identity.dto';

const tenantOf = ({ tenantId, name, slug, role }: Tenant): TenantDto => ({ id: tenantId, name, slug, role });

/** The open tenants of a user, from the read models, which may be behind. */
export const listTenants = async (db: UserDb): Promise<TenantDto[]> => (await tenantsOf(db)).map(tenantOf);

/**
 * Reads a tenant from its stream. Sign-ins are decided by it, because the read models may be behind.
 * @returns a function that resolves to undefined if the user is not a member of the tenant, or the tenant is not open
 */
export const createLiveTenant =
  (stateOf: TenantStates) =>
  async (tenantId: string, userId: string): Promise<TenantDto | undefined> => {
    const tenant = await stateOf(tenantId);
    const member = memberOf(tenant, userId);
    if (tenant.status !== 'open' || !member) return undefined;
    return { id: tenantId, name: tenant.name, slug: tenant.slug, role: member.role };
  };

export abstract class LiveTenant extends tokenClass<ReturnType<typeof createLiveTenant>>() {}
