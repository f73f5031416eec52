import { type Tenant, tenantFold } from '#domain/tenant/evolve';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';

/**
 * The tenant as the log has it now, for rules of other streams.
 * @throws HistoryOfNewerRelease its stream holds an event that this release does not know
 */
export const readTenant = async (store: AggregateStore, tenantId: string): Promise<Tenant> => {
  const { state } = await store.loadWhole(tenantFold, { tenantId, aggregate: tenantFold.aggregate, id: tenantId });
  return state;
};
