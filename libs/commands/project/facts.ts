import type { TenantCommand } from '#domain/command';
import type { ProjectRuleFacts } from '#domain/project/decide';
import { type Tenant, teamOf, tenantAccessOf } from '#domain/tenant/evolve';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { readTenant } from '../tenant/tenant-state';

/** The facts about the tenant that the rules of projects need. */
export interface ProjectFacts extends ProjectRuleFacts {
  /** Its plan sets the limits. */
  readonly tenant: Tenant;
}

/** The user who sends the command, and the team of the project, if the command names one. */
interface ProjectInput {
  readonly by: string;
  readonly teamId?: string | null;
}

export const readProjectFacts = async (
  store: AggregateStore,
  { tenantId, input: { by, teamId } }: TenantCommand<ProjectInput>,
): Promise<ProjectFacts> => {
  const tenant = await readTenant(store, tenantId);
  const teamExists = typeof teamId === 'string' && teamOf(tenant, teamId) !== undefined;
  return { ...tenantAccessOf(tenant, by), teamExists, tenant };
};
