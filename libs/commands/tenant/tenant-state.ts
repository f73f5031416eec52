import { type Tenant, tenantFold } from '#domain/tenant/evolve';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';

/**
 * Reads the present state of a tenant from the log, for rules of other streams.
 * @throws HistoryOfNewerRelease the tenant's stream holds an event that this release does not know
 */
export const readTenant = async (store: AggregateStore, tenantId: string): Promise<Tenant> => {
  const { state } = await store.loadForDecision(tenantFold, {
    tenantId,
    aggregate: tenantFold.aggregate,
    id: tenantId,
  });
  return state;
};
