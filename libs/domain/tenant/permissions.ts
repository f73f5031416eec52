import type { Standing } from './billing-account';
import { ROLES, type Role } from './roles';

const OWNER: readonly Role[] = ['owner'];
const ADMINS: readonly Role[] = ['owner', 'admin'];
const MEMBERS: readonly Role[] = ['owner', 'admin', 'member'];
const AUDITORS: readonly Role[] = ['owner', 'admin', 'auditor'];
const EVERYBODY: readonly Role[] = ROLES;

/**
 * Who may do what: the one table that the guard asks, that the rules ask again on the state that they decide on, and that
 * documents are made of. What depends on more than the role (oneself, the last owner, the inviter's own role) is in the
 * rules.
 */
export const PERMISSIONS = {
  'workspace.read': MEMBERS,
  'workspace.rename': ADMINS,
  'workspace.transfer': OWNER,
  'workspace.close': OWNER,
  'members.read': MEMBERS,
  'members.change-role': ADMINS,
  'members.remove': ADMINS,
  'members.leave': EVERYBODY,
  'invitations.read': ADMINS,
  'invitations.create': ADMINS,
  'invitations.revoke': ADMINS,
  'teams.read': MEMBERS,
  'teams.write': ADMINS,
  'projects.read': MEMBERS,
  'projects.write': MEMBERS,
  'tasks.read': MEMBERS,
  'tasks.write': MEMBERS,
  'billing.read': ADMINS,
  'billing.change': OWNER,
  'usage.read': MEMBERS,
  'audit.read': AUDITORS,
  'feed.read': ADMINS,
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof PERMISSIONS;

export const may = (role: Role, permission: Permission): boolean => PERMISSIONS[permission].includes(role);

/** Detail of the refusal: `This action needs the role owner or admin.` */
export const rolesNeeded = (permission: Permission): string =>
  `This action needs the role ${PERMISSIONS[permission].join(' or ')}.`;

/**
 * What always works, suspended or with every call of the month used up: nobody's data is held hostage, anyone who wants to pay
 * can, and what is used up can be seen.
 */
const EVEN_LOCKED: ReadonlySet<Permission> = new Set(['billing.read', 'billing.change', 'usage.read', 'audit.read']);

export const worksAlways = (permission: Permission): boolean => EVEN_LOCKED.has(permission);

/** Whether a tenant that stands like this may not do that: locked, it writes nothing; suspended, it reads nothing either. */
export const isStopped = ({ kind }: Standing, permission: Permission): boolean => {
  if (kind === 'active' || kind === 'past-due' || worksAlways(permission)) return false;
  return kind === 'suspended' || !permission.endsWith('.read');
};
