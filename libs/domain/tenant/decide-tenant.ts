import { TenantCommand } from '../command';
import { Refusal } from '../refusal';
import type { TenantEvent } from './events';
import type { Tenant } from './evolve';
import { requireOpen, requirePermission, requireVersion } from './requirements';

export interface CreateTenantInput {
  /** 1..200 characters. */
  readonly name: string;
  /** Lower-case letters, digits and hyphens; 1..60 characters. */
  readonly slug: string;
  readonly ownerId: string;
}

/** Founds a workspace; its stream must not exist yet. */
export class CreateTenant extends TenantCommand<CreateTenantInput> {}

/** A tenant signs up: the workspace, and its owner's membership inside it. */
export const createTenant = ({ name, slug, ownerId }: CreateTenantInput, tenant: Tenant): TenantEvent[] => {
  if (tenant.status !== 'absent') throw new Refusal('conflict', 'A tenant with this id already exists.');
  return [{ type: 'TenantCreated', data: { name, slug, ownerId, plan: 'free' } }];
};

export interface RenameTenantInput {
  readonly by: string;
  readonly name?: string;
  readonly slug?: string;
}

export class RenameTenant extends TenantCommand<RenameTenantInput> {}

/** An admin renames the workspace; a name that it has already is no event. */
export const renameTenant = ({ by, name, slug }: RenameTenantInput, tenant: Tenant, seen?: number): TenantEvent[] => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'workspace.rename');
  requireVersion(open.version, seen);
  const next = { name: name ?? open.name, slug: slug ?? open.slug };
  if (next.name === open.name && next.slug === open.slug) return [];
  return [{ type: 'TenantRenamed', data: next }];
};

export interface CloseTenantInput {
  readonly by: string;
  /** The tenant's name, typed again: nobody closes one by accident. */
  readonly confirmName: string;
  /** RFC 3339: when what it wrote is erased. */
  readonly eraseAfter: string;
}

export class CloseTenant extends TenantCommand<CloseTenantInput> {}

/** An owner closes the tenant: from now on nobody gets in. */
export const closeTenant = (wanted: CloseTenantInput, tenant: Tenant, seen?: number): TenantEvent[] => {
  const { by, confirmName, eraseAfter } = wanted;
  const open = requireOpen(tenant);
  requirePermission(open, by, 'workspace.close');
  requireVersion(open.version, seen);
  if (confirmName !== open.name)
    throw new Refusal(
      'conflict',
      'The name does not match the name of the tenant, so nothing was closed. Send the exact name.',
    );
  return [{ type: 'TenantClosed', data: { eraseAfter } }];
};
