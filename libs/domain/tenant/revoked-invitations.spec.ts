import { specificationOf } from '#testing/given-when-then';
import { memberInvited, memberJoined, tenantWithStaff, USERS } from '#testing/tenant-facts';
import { MAX_REVOKED } from './decide-invitations';
import { changeRole, type RemoveMemberInput, removeMember, transferOwnership } from './decide-members';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import { type Role } from './roles';

const { given } = specificationOf(tenantFold);

const { owner, admin } = USERS;
const second = '01a20000-0000-7000-8000-000000000006';
const at = '2026-01-15T00:00:00.000Z';

const change = (by: string, userId: string, role: Role, requiredVersion?: number) => (tenant: Tenant) =>
  changeRole({ by, userId, role, at }, tenant, requiredVersion);
const remove =
  (
    by: string,
    userId: string,
    reason: RemoveMemberInput['reason'] = by === userId ? 'left' : 'removed',
    requiredVersion?: number,
  ) =>
  (tenant: Tenant) =>
    removeMember({ by, userId, reason, at }, tenant, requiredVersion);
const transfer = (by: string, userId: string) => (tenant: Tenant) => transferOwnership({ by, userId, at }, tenant);

const changed = (userId: string, role: Role): TenantEvent => ({
  type: 'MemberRoleChanged',
  data: { userId, role },
});
const removed = (userId: string, reason: RemoveMemberInput['reason']): TenantEvent => ({
  type: 'MemberRemoved',
  data: { userId, reason },
});
const transferred = (from: string, to: string): TenantEvent => ({ type: 'OwnershipTransferred', data: { from, to } });
/** The staff and one more member, with the given role. */
const withSecond = (role: Role): readonly TenantEvent[] => [...tenantWithStaff, memberJoined(second, role)];

describe('the open invitations that a member created', () => {
  const invitationBy = (invitedBy: string, id: string, role: Role, expiresAt?: string): TenantEvent =>
    memberInvited({ invitedBy, invitationId: id, role, maxUses: 3, ...(expiresAt && { expiresAt }) });
  const revoked = (invitationId: string): TenantEvent => ({ type: 'InvitationRevoked', data: { invitationId } });
  const withTwoInvitations = [
    ...withSecond('owner'),
    invitationBy(second, 'invitation-1', 'admin'),
    invitationBy(second, 'invitation-2', 'member'),
  ];

  it.each([
    ['removed', owner],
    ['left', second],
    ['erased', second],
  ] as const)('are revoked when the member is %s', (reason, by) =>
    given(...withTwoInvitations)
      .when(remove(by, second, reason))
      .thenHappened(revoked('invitation-1'), revoked('invitation-2'), removed(second, reason)),
  );
  it('are revoked if the member could not create them in the new role', () => {
    given(...withTwoInvitations)
      .when(change(owner, second, 'admin'))
      .thenHappened(revoked('invitation-1'), changed(second, 'admin'));
    for (const role of ['member', 'auditor'] as const)
      given(...withTwoInvitations)
        .when(change(owner, second, role))
        .thenHappened(revoked('invitation-1'), revoked('invitation-2'), changed(second, role));
  });
  it('are not revoked when the member gets a higher role', () =>
    given(...withSecond('admin'), invitationBy(second, 'invitation-1', 'member'))
      .when(change(owner, second, 'owner'))
      .thenHappened(changed(second, 'owner')));
  it('for admins are revoked by a transfer of ownership', () =>
    given(...withTwoInvitations)
      .when(transfer(second, admin))
      .thenHappened(revoked('invitation-1'), transferred(second, admin)));
  it('are revoked up to the highest number for one append, the latest ones', () => {
    const ids = Array.from({ length: MAX_REVOKED + 1 }, (_, n) => `invitation-${String(n).padStart(4, '0')}`);
    given(...withSecond('admin'), ...ids.map((id) => invitationBy(second, id, 'member')))
      .when(remove(owner, second))
      .thenHappened(...ids.slice(1).map(revoked), removed(second, 'removed'));
  });
  it('are not revoked if another member created them, or if they have expired or are revoked already', () =>
    given(
      ...withSecond('admin'),
      invitationBy(owner, 'invitation-1', 'member'),
      invitationBy(second, 'invitation-2', 'member', at),
      invitationBy(second, 'invitation-3', 'member'),
      revoked('invitation-3'),
    )
      .when(remove(owner, second))
      .thenHappened(removed(second, 'removed')));
});
