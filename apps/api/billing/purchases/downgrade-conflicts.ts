import type { Terms } from '#domain/tenant/billing-events';
import type { TenantDb } from '#platform/database/scoped/scoped-db';
import { projectsBeyond } from '#projections/plan-limits/queries';
import type { Usage } from '../../plans/usage';
import type { ExceededLimitDto } from '../purchases.dto';

/** The resources of which a tenant uses more than other terms allow, with the projects that would become read-only. */
export const downgradeConflicts = async (
  db: TenantDb,
  usage: Usage,
  { limits }: Terms,
): Promise<ExceededLimitDto[]> => {
  const { data } = await usage(db);
  const beyond = data.flatMap(({ resource, used }) => {
    const limit = resource === 'apiCalls' ? limits.apiCallsPerMonth : limits[resource];
    return limit !== null && used > limit ? [{ resource, used, limit }] : [];
  });
  return Promise.all(
    beyond.map(async (misfit) => ({
      ...misfit,
      readOnly: misfit.resource === 'projects' ? await projectsBeyond(db, misfit.limit) : [],
    })),
  );
};
