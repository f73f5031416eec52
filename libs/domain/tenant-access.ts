import { Refusal } from './refusal';
import type { Standing } from './tenant/billing-account';
import { may, type Permission, rolesNeeded } from './tenant/permissions';
import { requireUnlocked } from './tenant/requirements';
import type { Role } from './tenant/roles';

/** Who asks, and how the tenant stands, for rules outside the tenant's own stream. */
export interface TenantAccess {
  /** undefined: they do not belong to the tenant, or it is closed */
  readonly role: Role | undefined;
  /** Left out: nothing is locked. */
  readonly standing?: Standing;
}

/**
 * @throws Refusal not-found for a stranger, forbidden for a member whose role does not have the permission,
 * workspace-locked where a failed payment stops it
 */
export const requirePermission = ({ role, standing }: TenantAccess, permission: Permission): void => {
  if (role === undefined) throw new Refusal('not-found', 'There is no such tenant.');
  if (!may(role, permission)) throw new Refusal('forbidden', rolesNeeded(permission));
  if (standing) requireUnlocked(standing, permission);
};
