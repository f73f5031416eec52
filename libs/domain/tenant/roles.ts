/**
 * An owner may do everything, and an admin most of it. A member works with projects and tasks. An auditor only reads
 * audits.
 */
export const ROLES = ['owner', 'admin', 'member', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

export const isRole = (word: unknown): word is Role => ROLES.includes(word as Role);
