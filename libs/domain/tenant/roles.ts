/**
 * An owner may do everything, and an admin most of it. A member works with projects and tasks. An auditor only reads
 * audits.
 */
export const ROLES = ['owner', 'admin', 'member', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/**
 * Whether a role may be granted by a member with another role, by an invitation or by a change of the role: only owners
 * grant the roles owner and admin. It does not check the permission for the action itself.
 */
export const mayGrant = (by: Role, role: Role): boolean => by === 'owner' || (role !== 'owner' && role !== 'admin');

export const isRole = (word: unknown): word is Role => ROLES.includes(word as Role);
