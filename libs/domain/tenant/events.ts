/**
 * What can happen to a tenant (a company and its workspace). Names and fields are a storage contract: they are never
 * renamed, only upcast on read. People appear by id alone.
 */
export type TenantCreated = {
  readonly type: 'TenantCreated';
  readonly data: { readonly name: string; readonly slug: string; readonly ownerId: string; readonly plan: Plan };
};

export type TenantRenamed = {
  readonly type: 'TenantRenamed';
  readonly data: { readonly name: string; readonly slug: string };
};

export type TenantEvent = TenantCreated | TenantRenamed;

export type Plan = 'free' | 'pro' | 'enterprise';
