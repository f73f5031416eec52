import { Refusal } from '../refusal';
import { entries, get } from './by-id';
import type { MemberRemoved, TenantEvent } from './events';
import type { Member, OpenTenant, Tenant } from './evolve';
import { notFound, requireOpen, requireOwnerFor, requirePermission, requireRole, requireVersion } from './requirements';
import type { Role } from './roles';

const requireMember = (tenant: OpenTenant, personId: string): Member => {
  const member = get(tenant.members, personId);
  if (!member) throw notFound('member');
  return member;
};

/** What would take the last owner away leaves a company that nobody can run. */
const requireAnotherOwner = ({ owners }: OpenTenant, { role }: Member): void => {
  if (role === 'owner' && owners === 1)
    throw new Refusal('conflict', 'A company needs an owner. Make somebody else an owner first.');
};

export interface RoleChange {
  readonly by: string;
  readonly personId: string;
  readonly role: Role;
}

/** Only an owner makes or unmakes an owner; the last one stays one. */
export const changeRole = ({ by, personId, role }: RoleChange, tenant: Tenant, seen?: number): TenantEvent[] => {
  const open = requireOpen(tenant);
  const giver = requirePermission(open, by, 'members.change-role');
  const member = requireMember(open, personId);
  requireOwnerFor(giver, role);
  requireOwnerFor(giver, member.role);
  requireVersion(member.version, seen);
  if (member.role === role) return [];
  requireAnotherOwner(open, member);
  return [{ type: 'MemberRoleChanged', data: { personId, role } }];
};

const leavingTeams = function* ({ teams }: OpenTenant, personId: string): Generator<TenantEvent> {
  for (const [teamId, { members }] of entries(teams))
    if (get(members, personId)) yield { type: 'TeamMemberRemoved', data: { teamId, personId } };
};

export interface Removing {
  readonly by: string;
  readonly personId: string;
  readonly reason: MemberRemoved['data']['reason'];
}

/**
 * Everybody may leave; an admin removes others but owners, an owner anybody. Whoever is erased as a person leaves by
 * themselves. The last owner can do neither.
 */
export const removeMember = ({ by, personId, reason }: Removing, tenant: Tenant, seen?: number): TenantEvent[] => {
  const open = requireOpen(tenant);
  // Personal data is erased at any time; the rest waits while the workspace is locked.
  if (by === personId) (reason === 'erased' ? requireRole : requirePermission)(open, by, 'members.leave');
  const remover = by === personId ? undefined : requirePermission(open, by, 'members.remove');
  const member = requireMember(open, personId);
  if (remover) requireOwnerFor(remover, member.role);
  requireVersion(member.version, seen);
  requireAnotherOwner(open, member);
  return [...leavingTeams(open, personId), { type: 'MemberRemoved', data: { personId, reason } }];
};

export interface Transfer {
  readonly by: string;
  readonly personId: string;
}

/** An owner hands ownership over to another member, and is an admin from then on. */
export const transferOwnership = ({ by, personId }: Transfer, tenant: Tenant): TenantEvent[] => {
  const open = requireOpen(tenant);
  requirePermission(open, by, 'workspace.transfer');
  requireMember(open, personId);
  if (by === personId) throw new Refusal('conflict', 'You are the owner already.');
  return [{ type: 'OwnershipTransferred', data: { from: by, to: personId } }];
};
