/** From most to least: what an owner may, an admin may only where a rule says so. Auditors stand apart: they only read audits. */
export const ROLES = ['owner', 'admin', 'member', 'auditor'] as const;
export type Role = (typeof ROLES)[number];

/** Whether `role` carries at least the authority of `needed`. */
export const isAtLeast = (role: Role, needed: Role): boolean => ROLES.indexOf(role) <= ROLES.indexOf(needed);

export const isRole = (word: unknown): word is Role => ROLES.includes(word as Role);
