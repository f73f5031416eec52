/** Owners may all, admins most of it, members work, auditors stand apart: they only read audits. */
export const ROLES = ['owner', 'admin', 'member', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

export const isRole = (word: unknown): word is Role => ROLES.includes(word as Role);
