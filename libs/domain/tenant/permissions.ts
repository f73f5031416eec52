import type { PaymentState } from './billing-account';
import { ROLES, type Role } from './roles';

const OWNERS: readonly Role[] = ['owner'];
const ADMINS: readonly Role[] = ['owner', 'admin'];
const MEMBERS: readonly Role[] = ['owner', 'admin', 'member'];
const AUDITORS: readonly Role[] = ['owner', 'admin', 'auditor'];
const ALL_ROLES: readonly Role[] = ROLES;

/**
 * The roles that have each permission. The guard of the API checks this table, the rules check it again on the state
 * that they decide on, and docs/permissions.md is generated from it. Conditions that depend on more than the role (a
 * member's own membership, the last owner, the role of the inviter) are in the rules, such as `decide-invitations.ts`.
 */
export const PERMISSIONS = {
  'workspace.read': MEMBERS,
  'workspace.rename': ADMINS,
  'workspace.transfer': OWNERS,
  'workspace.close': OWNERS,
  'members.read': MEMBERS,
  'members.change-role': ADMINS,
  'members.remove': ADMINS,
  'members.leave': ALL_ROLES,
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
  'billing.change': OWNERS,
  'usage.read': MEMBERS,
  'audit.read': AUDITORS,
  'feed.read': ADMINS,
} as const satisfies Record<string, readonly Role[]>;

export type Permission = keyof typeof PERMISSIONS;

export const hasPermission = (role: Role, permission: Permission): boolean => PERMISSIONS[permission].includes(role);

/** The detail of the refusal, such as `This action needs the role owner or admin.` */
export const rolesNeeded = (permission: Permission): string =>
  `This action needs the role ${PERMISSIONS[permission].join(' or ')}.`;

/**
 * The permissions that work even while the tenant is suspended or has used all API calls of the month, so that a tenant
 * can always read its audit trail, pay, and see what it has used.
 */
const ALWAYS_WORKING: ReadonlySet<Permission> = new Set(['billing.read', 'billing.change', 'usage.read', 'audit.read']);

export const worksWhileLocked = (permission: Permission): boolean => ALWAYS_WORKING.has(permission);

/**
 * Whether a tenant with this standing may not use a permission: writes are refused while it is locked or suspended, and
 * reads while it is suspended.
 */
export const isBlockedByLock = ({ kind }: PaymentState, permission: Permission): boolean => {
  if (kind === 'active' || kind === 'past-due' || worksWhileLocked(permission)) return false;
  return kind === 'suspended' || !permission.endsWith('.read');
};
