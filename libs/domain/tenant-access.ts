import { Refusal } from './refusal';
import type { PaymentState } from './tenant/billing-account';
import { hasPermission, type Permission, rolesNeeded } from './tenant/permissions';
import { requireUnlocked } from './tenant/requirements';
import type { Role } from './tenant/roles';

/** The role of the user who sends a command, and the tenant's standing, for rules outside the tenant's own stream. */
export interface TenantAccess {
  /** Undefined: the user is not a member of the tenant, or the tenant is closed. */
  readonly role: Role | undefined;
  /** Left out: the tenant is not locked. */
  readonly standing?: PaymentState;
}

/**
 * @throws Refusal not-found for a user who is not a member, forbidden for a member whose role does not have the
 * permission, workspace-locked if the tenant is locked and the permission does not work then
 */
export const requirePermission = ({ role, standing }: TenantAccess, permission: Permission): void => {
  if (role === undefined) throw new Refusal('not-found', 'There is no such tenant.');
  if (!hasPermission(role, permission)) throw new Refusal('forbidden', rolesNeeded(permission));
  if (standing) requireUnlocked(standing, permission);
};
