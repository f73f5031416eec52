import type { MemberInvited, MemberJoined, TeamCreated, TenantCreated, TenantEvent } from '#domain/tenant/events';
import type { Role } from '#domain/tenant/roles';

/** The users of a tenant for specifications of its rules: a member in each role, and a user who is not a member. */
export const USERS = {
  owner: '01a20000-0000-7000-8000-000000000001',
  admin: '01a20000-0000-7000-8000-000000000002',
  member: '01a20000-0000-7000-8000-000000000003',
  auditor: '01a20000-0000-7000-8000-000000000004',
  stranger: '01a20000-0000-7000-8000-000000000005',
} as const satisfies Record<Role | 'stranger', string>;

export const tenantCreated: TenantCreated = {
  type: 'TenantCreated',
  data: { name: 'Acme', slug: 'acme', ownerId: USERS.owner, plan: 'free' },
};

export const tenantClosed: TenantEvent = { type: 'TenantClosed', data: { eraseAfter: '2026-03-01T00:00:00.000Z' } };

export const INVITATION = '01a20000-0000-7000-8000-0000000000aa';

export const memberJoined = (userId: string, role: Role, invitationId = 'an earlier link', use = 1): MemberJoined => ({
  type: 'MemberJoined',
  data: { userId, role, invitationId, use },
});

export const memberRemoved = (userId: string): TenantEvent => ({
  type: 'MemberRemoved',
  data: { userId, reason: 'removed' },
});

export const memberInvited = (more: Partial<MemberInvited['data']> = {}): MemberInvited => ({
  type: 'MemberInvited',
  data: {
    invitationId: INVITATION,
    role: 'member',
    maxUses: 1,
    expiresAt: '2026-02-01T00:00:00.000Z',
    tokenHash: 'hash of the token',
    emailDomains: [],
    invitedBy: USERS.owner,
    ...more,
  },
});

export const teamCreated = (teamId: string, name: string): TeamCreated => ({
  type: 'TeamCreated',
  data: { teamId, name },
});

export const teamMemberAdded = (teamId: string, userId: string): TenantEvent => ({
  type: 'TeamMemberAdded',
  data: { teamId, userId },
});

export const teamMemberRemoved = (teamId: string, userId: string): TenantEvent => ({
  type: 'TeamMemberRemoved',
  data: { teamId, userId },
});

/** The events at versions 1 to 4: the owner creates the tenant, then a member of each other role joins. */
export const tenantWithStaff: readonly TenantEvent[] = [
  tenantCreated,
  memberJoined(USERS.admin, 'admin'),
  memberJoined(USERS.member, 'member'),
  memberJoined(USERS.auditor, 'auditor'),
];
