import { Refusal } from '../refusal';
import { get } from './by-id';
import type { OpenTenant, Tenant } from './evolve';
import { may, type Permission, rolesNeeded } from './permissions';
import type { Role } from './roles';

export const notFound = (what: string): Refusal => new Refusal('not-found', `There is no such ${what}.`);

/** A company that is closed is none. */
export const requireOpen = (tenant: Tenant): OpenTenant => {
  if (tenant.status !== 'open') throw notFound('workspace');
  return tenant;
};

/** @returns the role that allows it */
export const requirePermission = (tenant: OpenTenant, personId: string, permission: Permission): Role => {
  const role = get(tenant.members, personId)?.role;
  if (role === undefined) throw notFound('workspace');
  if (!may(role, permission)) throw new Refusal('forbidden', rolesNeeded(permission));
  return role;
};

/** Nobody but an owner makes or unmakes an owner. */
export const requireOwnerFor = (by: Role, role: Role): void => {
  if (role === 'owner' && by !== 'owner') throw new Refusal('forbidden', 'This needs the role owner.');
};

/** @param seen the version that the client insists on */
export const requireVersion = (version: number, seen: number | undefined): void => {
  if (seen !== undefined && seen !== version)
    throw new Refusal('precondition-failed', 'It has changed since you read it.');
};

/** @param limit null: none */
export const requireRoom = (resource: string, used: number, limit: number | null): void => {
  if (limit !== null && used >= limit) {
    const detail = `The plan allows ${limit} ${resource}, and ${used} are used.`;
    throw new Refusal('plan-limit-reached', detail, { resource, limit, used });
  }
};
