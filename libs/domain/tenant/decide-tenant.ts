import { type RequiredVersion, TenantCommand } from '../command';
import { Refusal } from '../refusal';
import type { TenantEvent } from './events';
import type { Tenant } from './evolve';
import { requireOpen, requirePermission, requireVersion } from './requirements';

export interface CreateTenantInput {
  /** 1..200 characters. */
  readonly name: string;
  /** Lower-case letters, digits and hyphens; 1..60 characters. */
  readonly slug: string;
  /** The user who becomes the first owner. */
  readonly ownerId: string;
}

/** Creates a tenant. Its stream must not exist yet. */
export class CreateTenant extends TenantCommand<CreateTenantInput> {}

/**
 * The event also records the membership of the first owner. @throws Refusal conflict if the tenant exists or is closed
 */
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

/**
 * The present name and slug add no event.
 * @throws Refusal not-found, forbidden, workspace-locked, precondition-failed
 */
export const renameTenant = (
  { by, name, slug }: RenameTenantInput,
  tenant: Tenant,
  requiredVersion?: RequiredVersion,
): TenantEvent[] => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'workspace.rename');
  requireVersion(open.version, requiredVersion);
  const next = { name: name ?? open.name, slug: slug ?? open.slug };
  if (next.name === open.name && next.slug === open.slug) return [];
  return [{ type: 'TenantRenamed', data: next }];
};

export interface CloseTenantInput {
  readonly by: string;
  /** The tenant's present name, which the owner types again, so that no tenant is closed by accident. */
  readonly confirmName: string;
  /** RFC 3339: the time after which the tenant's data is erased. */
  readonly eraseAfter: string;
}

export class CloseTenant extends TenantCommand<CloseTenantInput> {}

/**
 * No member can use the tenant after this event.
 * @throws Refusal not-found, forbidden, workspace-locked, precondition-failed; conflict if the name is not the tenant's
 * name
 */
export const closeTenant = (
  input: CloseTenantInput,
  tenant: Tenant,
  requiredVersion?: RequiredVersion,
): TenantEvent[] => {
  const { by, confirmName, eraseAfter } = input;
  const open = requireOpen(tenant);
  requirePermission(open, by, 'workspace.close');
  requireVersion(open.version, requiredVersion);
  if (confirmName !== open.name)
    throw new Refusal(
      'conflict',
      'The name does not match the name of the tenant, so nothing was closed. Send the exact name.',
    );
  return [{ type: 'TenantClosed', data: { eraseAfter } }];
};
