import { TenantCommand } from '../command';
import { Refusal } from '../refusal';
import { endLinks } from './decide-invitations';
import type { MemberRemoved, TenantEvent } from './events';
import type { Member, OpenTenant, Tenant } from './evolve';
import { entries, get } from './persistent-map';
import { notFound, requireOpen, requireOwnerFor, requirePermission, requireRole, requireVersion } from './requirements';
import type { Role } from './roles';

const requireMember = (tenant: OpenTenant, userId: string): Member => {
  const member = get(tenant.members, userId);
  if (!member) throw notFound('member');
  return member;
};

/** What would take the last owner away leaves a tenant that nobody can run. */
const requireAnotherOwner = ({ owners }: OpenTenant, { role }: Member): void => {
  if (role === 'owner' && owners === 1)
    throw new Refusal('conflict', 'A tenant needs at least one owner. Make another member an owner first.');
};

export interface ChangeRoleInput {
  readonly by: string;
  readonly userId: string;
  readonly role: Role;
  /** RFC 3339: now. */
  readonly at: string;
}

export class ChangeRole extends TenantCommand<ChangeRoleInput> {}

/**
 * Only an owner makes or unmakes an owner; the last one stays one. Links that they could not make any more in their new
 * role end.
 */
export const changeRole = ({ by, userId, role, at }: ChangeRoleInput, tenant: Tenant, seen?: number): TenantEvent[] => {
  const open = requireOpen(tenant);
  const giver = requirePermission(open, by, 'members.change-role');
  const member = requireMember(open, userId);
  requireOwnerFor(giver, role);
  requireOwnerFor(giver, member.role);
  requireVersion(member.version, seen);
  if (member.role === role) return [];
  requireAnotherOwner(open, member);
  return [...endLinks(open, userId, role, at), { type: 'MemberRoleChanged', data: { userId, role } }];
};

const leavingTeams = function* ({ teams }: OpenTenant, userId: string): Generator<TenantEvent> {
  for (const [teamId, { members }] of entries(teams))
    if (get(members, userId)) yield { type: 'TeamMemberRemoved', data: { teamId, userId } };
};

export interface RemoveMemberInput {
  readonly by: string;
  readonly userId: string;
  readonly reason: MemberRemoved['data']['reason'];
  /** RFC 3339: now. */
  readonly at: string;
}

/** Of another, or of oneself. */
export class RemoveMember extends TenantCommand<RemoveMemberInput> {}

/**
 * Everybody may leave; an admin removes others but owners, an owner anybody. Anyone who is erased as a user leaves by
 * themselves. The last owner can do neither. The links that they made end with them.
 */
export const removeMember = (
  { by, userId, reason, at }: RemoveMemberInput,
  tenant: Tenant,
  seen?: number,
): TenantEvent[] => {
  const open = requireOpen(tenant);
  // Personal data is erased at any time; the rest waits while the workspace is locked.
  if (by === userId) (reason === 'erased' ? requireRole : requirePermission)(open, by, 'members.leave');
  const remover = by === userId ? undefined : requirePermission(open, by, 'members.remove');
  const member = requireMember(open, userId);
  if (remover) requireOwnerFor(remover, member.role);
  requireVersion(member.version, seen);
  requireAnotherOwner(open, member);
  return [
    ...leavingTeams(open, userId),
    ...endLinks(open, userId, undefined, at),
    { type: 'MemberRemoved', data: { userId, reason } },
  ];
};

export interface TransferOwnershipInput {
  readonly by: string;
  readonly userId: string;
  /** RFC 3339: now. */
  readonly at: string;
}

export class TransferOwnership extends TenantCommand<TransferOwnershipInput> {}

/** An owner hands ownership over to another member, and is an admin from then on, without links for admins. */
export const transferOwnership = ({ by, userId, at }: TransferOwnershipInput, tenant: Tenant): TenantEvent[] => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'workspace.transfer');
  requireMember(open, userId);
  if (by === userId) throw new Refusal('conflict', 'You are an owner already. Choose another member.');
  return [...endLinks(open, by, 'admin', at), { type: 'OwnershipTransferred', data: { from: by, to: userId } }];
};
