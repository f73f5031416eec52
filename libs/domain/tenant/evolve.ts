import type { Plan, TenantEvent } from './events';
import type { Role } from './roles';

/** A tenant as its rules need to see it. Plain data: it is kept in snapshots. */
export type Tenant =
  | { readonly status: 'absent' }
  | {
      readonly status: 'open';
      readonly name: string;
      readonly slug: string;
      readonly plan: Plan;
      /** Role by person id. */
      readonly members: { readonly [personId: string]: Role };
    };

const created = (tenant: Tenant): Extract<Tenant, { status: 'open' }> => {
  if (tenant.status === 'absent') throw new Error('the stream does not begin with TenantCreated');
  return tenant;
};

const evolve = (tenant: Tenant, event: TenantEvent): Tenant => {
  switch (event.type) {
    case 'TenantCreated': {
      const { name, slug, plan, ownerId } = event.data;
      return { status: 'open', name, slug, plan, members: { [ownerId]: 'owner' } };
    }
    case 'TenantRenamed':
      return { ...created(tenant), name: event.data.name, slug: event.data.slug };
  }
};

/** How a tenant's state comes from its events. */
export const tenantFold = {
  aggregate: 'tenant',
  foldVersion: 1,
  initial: { status: 'absent' } as Tenant,
  evolve,
};
