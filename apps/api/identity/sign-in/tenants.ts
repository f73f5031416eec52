import { memberOf } from '#domain/tenant/evolve';
import type { UserDb } from '#platform/database/scoped/scoped-db';
import { tokenClass } from '#platform/token-class';
import { type Tenant, tenantsOf } from '#projections/members/queries';
import type { TenantStates } from '../../../bootstrap/sagas/tenant-states';
import type { TenantDto } from './identity.dto';

const tenantOf = ({ tenantId, name, slug, role }: Tenant): TenantDto => ({ id: tenantId, name, slug, role });

/** The open tenants of a user as the read models list them. */
export const listTenants = async (db: UserDb): Promise<TenantDto[]> => (await tenantsOf(db)).map(tenantOf);

/**
 * The tenant by its own stream, where the user belongs to it and it is open. What somebody is let in by is decided on
 * this; the read models may be behind.
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
