import { Refusal } from '../refusal';
import type { TenantEvent } from './events';
import type { Tenant } from './evolve';
import { isAtLeast, type Role } from './roles';

type Open = Extract<Tenant, { status: 'open' }>;

const requireOpen = (tenant: Tenant): Open => {
  if (tenant.status !== 'open') throw new Refusal('not-found', 'There is no such workspace.');
  return tenant;
};

const requireRole = (tenant: Open, personId: string, needed: Role): void => {
  const role = tenant.members[personId];
  if (role === undefined) throw new Refusal('not-found', 'There is no such workspace.');
  if (!isAtLeast(role, needed)) throw new Refusal('forbidden', `This needs the role ${needed}.`);
};

export interface Creation {
  /** 1..200 characters. */
  readonly name: string;
  /** Lower-case letters, digits and hyphens; 1..60 characters. */
  readonly slug: string;
  readonly ownerId: string;
}

/** A company signs up: the workspace, and its owner's membership inside it. */
export const createTenant = ({ name, slug, ownerId }: Creation, tenant: Tenant): TenantEvent[] => {
  if (tenant.status !== 'absent') throw new Refusal('conflict', 'The workspace exists already.');
  return [{ type: 'TenantCreated', data: { name, slug, ownerId, plan: 'free' } }];
};

export interface Renaming {
  readonly by: string;
  readonly name?: string;
  readonly slug?: string;
}

/** An admin renames the workspace; a name that it has already is no event. */
export const renameTenant = ({ by, name, slug }: Renaming, tenant: Tenant): TenantEvent[] => {
  const open = requireOpen(tenant);
  requireRole(open, by, 'admin');
  const next = { name: name ?? open.name, slug: slug ?? open.slug };
  if (next.name === open.name && next.slug === open.slug) return [];
  return [{ type: 'TenantRenamed', data: next }];
};
