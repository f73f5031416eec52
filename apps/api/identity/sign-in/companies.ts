import { memberOf } from '../../../../libs/domain/tenant/evolve';
import type { UserDb } from '../../../../libs/platform/database/scoped-db';
import { tokenClass } from '../../../../libs/platform/token-class';
import { type Company, companiesOf } from '../../../../projections/members/queries';
import type { TenantStates } from '../../../bootstrap/sagas/tenant-states';
import type { CompanyDto } from './identity.dto';

const companyOf = ({ tenantId, name, slug, role }: Company): CompanyDto => ({ id: tenantId, name, slug, role });

/** The open companies of a user as the read models list them. */
export const listCompanies = async (db: UserDb): Promise<CompanyDto[]> => (await companiesOf(db)).map(companyOf);

/**
 * The company by its own stream, where the user belongs to it and it is open. What somebody is let in by is decided on
 * this; the read models may be behind.
 */
export const createLiveCompany =
  (stateOf: TenantStates) =>
  async (tenantId: string, userId: string): Promise<CompanyDto | undefined> => {
    const tenant = await stateOf(tenantId);
    const member = memberOf(tenant, userId);
    if (tenant.status !== 'open' || !member) return undefined;
    return { id: tenantId, name: tenant.name, slug: tenant.slug, role: member.role };
  };

export abstract class LiveCompany extends tokenClass<ReturnType<typeof createLiveCompany>>() {}
