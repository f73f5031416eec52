import { type RequiredVersion, TenantCommand } from '../command';
import { Refusal } from '../refusal';
import { revokeInvitationsOf } from './decide-invitations';
import type { MemberRemoved, TenantEvent } from './events';
import type { Member, OpenTenant, Tenant } from './evolve';
import { entries, get } from './persistent-map';
import {
  notFound,
  requireMayGrant,
  requireMayTake,
  requireOpen,
  requirePermission,
  requireRole,
  requireVersion,
} from './requirements';
import type { Role } from './roles';

const requireMember = (tenant: OpenTenant, userId: string): Member => {
  const member = get(tenant.members, userId);
  if (!member) throw notFound('member');
  return member;
};

/** Without an owner, no member could manage the tenant. */
const requireAnotherOwner = ({ owners }: OpenTenant, { role }: Member): void => {
  if (role === 'owner' && owners === 1)
    throw new Refusal('conflict', 'A tenant needs at least one owner. Make another member an owner first.');
};

export interface ChangeRoleInput {
  readonly by: string;
  readonly userId: string;
  readonly role: Role;
  /** RFC 3339: the present time. */
  readonly at: string;
}

export class ChangeRole extends TenantCommand<ChangeRoleInput> {}

/**
 * Only an owner can grant the roles owner and admin, or take the role owner, and the last owner keeps it. Open
 * invitations that the member could not create in the new role are revoked. The present role adds no event.
 * @throws Refusal not-found, forbidden, workspace-locked, precondition-failed; conflict for the last owner
 */
export const changeRole = (
  { by, userId, role, at }: ChangeRoleInput,
  tenant: Tenant,
  requiredVersion?: RequiredVersion,
): TenantEvent[] => {
  const open = requireOpen(tenant);
  const sender = requirePermission(open, by, 'members.change-role');
  const member = requireMember(open, userId);
  requireMayGrant(sender, role);
  requireMayTake(sender, member.role);
  requireVersion(member.version, requiredVersion);
  if (member.role === role) return [];
  requireAnotherOwner(open, member);
  return [...revokeInvitationsOf(open, userId, role, at), { type: 'MemberRoleChanged', data: { userId, role } }];
};

const teamRemovals = function* ({ teams }: OpenTenant, userId: string): Generator<TenantEvent> {
  for (const [teamId, { members }] of entries(teams))
    if (get(members, userId)) yield { type: 'TeamMemberRemoved', data: { teamId, userId } };
};

export interface RemoveMemberInput {
  readonly by: string;
  readonly userId: string;
  readonly reason: MemberRemoved['data']['reason'];
  /** RFC 3339: the present time. */
  readonly at: string;
}

/** Removes another member, or the user who sends it. */
export class RemoveMember extends TenantCommand<RemoveMemberInput> {}

/**
 * Every member may leave. An admin can remove every member who is not an owner, and an owner every member. A user who
 * is erased leaves each tenant with the reason `erased`. The last owner can neither leave nor be removed. The member is
 * also removed from all teams, and the open invitations that the member created are revoked.
 * @throws Refusal not-found, forbidden, workspace-locked, precondition-failed; conflict for the last owner
 */
export const removeMember = (
  { by, userId, reason, at }: RemoveMemberInput,
  tenant: Tenant,
  requiredVersion?: RequiredVersion,
): TenantEvent[] => {
  const open = requireOpen(tenant);
  // A user can be erased while the tenant is locked. Leaving for another reason is refused then.
  if (by === userId) (reason === 'erased' ? requireRole : requirePermission)(open, by, 'members.leave');
  const remover = by === userId ? undefined : requirePermission(open, by, 'members.remove');
  const member = requireMember(open, userId);
  if (remover) requireMayTake(remover, member.role);
  requireVersion(member.version, requiredVersion);
  requireAnotherOwner(open, member);
  return [
    ...teamRemovals(open, userId),
    ...revokeInvitationsOf(open, userId, undefined, at),
    { type: 'MemberRemoved', data: { userId, reason } },
  ];
};

export interface TransferOwnershipInput {
  readonly by: string;
  readonly userId: string;
  /** RFC 3339: the present time. */
  readonly at: string;
}

export class TransferOwnership extends TenantCommand<TransferOwnershipInput> {}

/**
 * Another member becomes an owner, and the sender becomes an admin. The open invitations for admins that the sender
 * created are revoked.
 * @throws Refusal not-found, forbidden, workspace-locked; conflict if the member is the sender
 */
export const transferOwnership = ({ by, userId, at }: TransferOwnershipInput, tenant: Tenant): TenantEvent[] => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'workspace.transfer');
  requireMember(open, userId);
  if (by === userId) throw new Refusal('conflict', 'You are an owner already. Choose another member.');
  return [
    ...revokeInvitationsOf(open, by, 'admin', at),
    { type: 'OwnershipTransferred', data: { from: by, to: userId } },
  ];
};
