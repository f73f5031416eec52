import { eventTypes } from '../event-types';

/** Events about the erasure of a tenant's data. Each tenant has a stream for them that is not part of the tenant. */
export type ErasureEvent = TenantErased;

/** All rows and streams of the tenant are erased. Only this event remains. */
export type TenantErased = { readonly type: 'TenantErased'; readonly data: { readonly tenantId: string } };

export const ERASURE_EVENTS = eventTypes<ErasureEvent>({
  TenantErased: true,
});
