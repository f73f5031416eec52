import { eventTypes } from '../event-types';

/** What operators did to a tenant's data; in streams outside every tenant, one a tenant. */
export type ErasureEvent = TenantErased;

/** The tombstone: rows and streams of the tenant are gone. */
export type TenantErased = { readonly type: 'TenantErased'; readonly data: { readonly tenantId: string } };

export const ERASURE_EVENTS = eventTypes<ErasureEvent>({
  TenantErased: true,
});
