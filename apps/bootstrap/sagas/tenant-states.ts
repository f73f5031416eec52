import { type Tenant, tenantFold } from '#domain/tenant/evolve';
import type { AggregateStore } from '#event-log/aggregate/aggregate-store';
import { tokenClass } from '#platform/token-class';

/** Loads the present state of a tenant from its stream. Unlike the read models, it is never behind. */
export abstract class TenantStates extends tokenClass<(tenantId: string) => Promise<Tenant>>() {}

export const createTenantStates =
  (store: AggregateStore): TenantStates =>
  async (tenantId) =>
    (await store.load(tenantFold, { tenantId, aggregate: tenantFold.aggregate, id: tenantId })).state;
