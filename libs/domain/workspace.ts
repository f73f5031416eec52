import { Refusal } from './refusal';
import { may, type Permission, rolesNeeded } from './tenant/permissions';
import type { Role } from './tenant/roles';

/**
 * For rules outside the tenant's own stream, which are told the role of whoever asks.
 * @param role undefined: they do not belong to the company, or it is closed
 * @throws Refusal not-found for a stranger, forbidden for a member whose role does not have the permission
 */
export const requirePermission = (role: Role | undefined, permission: Permission): void => {
  if (role === undefined) throw new Refusal('not-found', 'There is no such workspace.');
  if (!may(role, permission)) throw new Refusal('forbidden', rolesNeeded(permission));
};
