import { specificationOf } from '#testing/given-when-then';
import {
  memberInvited,
  memberJoined,
  memberRemoved,
  teamCreated,
  teamMemberAdded,
  teamMemberRemoved,
  tenantClosed,
  tenantCreated,
  tenantWithStaff,
  USERS,
} from '#testing/tenant-facts';
import { MAX_REVOKED } from './decide-invitations';
import { changeRole, type RemoveMemberInput, removeMember, transferOwnership } from './decide-members';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import { ROLES, type Role } from './roles';

const { given } = specificationOf(tenantFold);

const { owner, admin, member, auditor, stranger } = USERS;
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

const otherRoles = (role: Role): Role[] => ROLES.filter((it) => it !== role);
/** The staff and one more member, with the given role. */
const withSecond = (role: Role): readonly TenantEvent[] => [...tenantWithStaff, memberJoined(second, role)];

describe('changing a role', () => {
  describe.each(ROLES)('of a member with the role %s', (from) => {
    it.each(otherRoles(from))('to %s is allowed to an owner', (to) =>
      given(...withSecond(from))
        .when(change(owner, second, to))
        .thenHappened(changed(second, to)),
    );
    it.each(otherRoles(from))(
      'to %s is allowed to an admin unless that makes an owner or admin of the member, or the member is an owner',
      (to) => {
        const { thenHappened, thenRefused } = given(...withSecond(from)).when(change(admin, second, to));
        if (from !== 'owner' && to !== 'owner' && to !== 'admin') thenHappened(changed(second, to));
        else thenRefused('forbidden');
      },
    );
    it.each(['member', 'auditor'] as const)('is forbidden to the role %s', (role) => {
      for (const to of ROLES)
        given(...withSecond(from))
          .when(change(USERS[role], second, to))
          .thenRefused('forbidden');
    });
  });

  it('adds no event for the present role', () =>
    given(...tenantWithStaff)
      .when(change(owner, member, 'member'))
      .thenNothing());
  it('is refused if the last owner changes their own role', () =>
    given(...tenantWithStaff)
      .when(change(owner, owner, 'admin'))
      .thenRefused('conflict', 'A tenant needs at least one owner. Make another member an owner first.'));
  it('to owner adds no event if the last owner does it for themselves', () =>
    given(tenantCreated)
      .when(change(owner, owner, 'owner'))
      .thenNothing());
  it('is allowed if one of two owners changes their own role', () =>
    given(...withSecond('owner'))
      .when(change(owner, owner, 'member'))
      .thenHappened(changed(owner, 'member')));
  it('is refused if the second of two owners changes their own role after the first', () =>
    given(...withSecond('owner'), changed(owner, 'member'))
      .when(change(second, second, 'member'))
      .thenRefused('conflict'));
  it('is allowed if an admin changes their own role', () =>
    given(...tenantWithStaff)
      .when(change(admin, admin, 'member'))
      .thenHappened(changed(admin, 'member')));
  it('is forbidden if a member changes their own role', () =>
    given(...tenantWithStaff)
      .when(change(member, member, 'admin'))
      .thenRefused('forbidden'));
  it('is refused with not-found for a user who is not a member', () =>
    given(...tenantWithStaff)
      .when(change(owner, stranger, 'admin'))
      .thenRefused('not-found', 'There is no such member.'));
  it('is refused with not-found for a user who was removed', () =>
    given(...tenantWithStaff, memberRemoved(member))
      .when(change(owner, member, 'admin'))
      .thenRefused('not-found'));
  it('is refused with not-found if the sender is not a member', () =>
    given(...tenantWithStaff)
      .when(change(stranger, member, 'admin'))
      .thenRefused('not-found'));
  it('is refused with not-found if the tenant is closed', () =>
    given(...tenantWithStaff, tenantClosed)
      .when(change(owner, member, 'admin'))
      .thenRefused('not-found'));
  it('is refused with not-found if there is no such tenant', () =>
    given()
      .when(change(owner, member, 'admin'))
      .thenRefused('not-found'));

  it('accepts the version of the member, whatever else has happened since then', () =>
    given(...tenantWithStaff)
      .when(change(owner, member, 'admin', 3))
      .thenHappened(changed(member, 'admin')));
  it('is refused with a version from before the member’s last role change', () =>
    given(...tenantWithStaff, changed(member, 'auditor'))
      .when(change(owner, member, 'admin', 3))
      .thenRefused('precondition-failed'));
  it('is refused with an earlier version even for the present role', () =>
    given(...tenantWithStaff, changed(member, 'auditor'))
      .when(change(owner, member, 'auditor', 3))
      .thenRefused('precondition-failed'));
  it('is refused with not-found with any version for a user who is not a member', () =>
    given(...tenantWithStaff)
      .when(change(owner, stranger, 'admin', 3))
      .thenRefused('not-found'));
});

describe('removing a member', () => {
  it.each(ROLES)('who is %s is allowed to an owner', (role) =>
    given(...withSecond(role))
      .when(remove(owner, second))
      .thenHappened(removed(second, 'removed')),
  );
  it.each(['admin', 'member', 'auditor'] as const)('who is %s is allowed to an admin', (role) =>
    given(...withSecond(role))
      .when(remove(admin, second))
      .thenHappened(removed(second, 'removed')),
  );
  it.each(['owner'] as const)('who is %s is forbidden to an admin', (role) =>
    given(...withSecond(role))
      .when(remove(admin, second))
      .thenRefused('forbidden'),
  );
  it.each(['member', 'auditor'] as const)('is forbidden to the role %s', (role) => {
    for (const other of ROLES)
      given(...withSecond(other))
        .when(remove(USERS[role], second))
        .thenRefused('forbidden');
  });
  it.each(['admin', 'member', 'auditor'] as const)(
    'is recorded as leaving if a member who is %s removes themselves',
    (role) =>
      given(...tenantWithStaff)
        .when(remove(USERS[role], USERS[role]))
        .thenHappened(removed(USERS[role], 'left')),
  );
  it('is recorded as erased if the user is erased', () =>
    given(...tenantWithStaff)
      .when(remove(auditor, auditor, 'erased'))
      .thenHappened(removed(auditor, 'erased')));
  it.each(['left', 'erased'] as const)('who is the last owner is refused, also with the reason %s', (reason) =>
    given(...tenantWithStaff)
      .when(remove(owner, owner, reason))
      .thenRefused('conflict'),
  );
  it('who is one of two owners is allowed', () =>
    given(...withSecond('owner'))
      .when(remove(second, owner))
      .thenHappened(removed(owner, 'removed')));
  it('is refused for the second of two owners after the first was removed', () =>
    given(...withSecond('owner'), memberRemoved(owner))
      .when(remove(second, second))
      .thenRefused('conflict'));
  it('is refused while the tenant is locked, except for a user who is erased', () => {
    const { reason, since, suspendAt } = { reason: 'payment-failed', since: at, suspendAt: at } as const;
    const locked: TenantEvent = { type: 'WorkspaceLocked', data: { reason, since, suspendAt } };
    given(...tenantWithStaff, locked)
      .when(remove(owner, member))
      .thenRefused('workspace-locked');
    given(...tenantWithStaff, locked)
      .when(remove(member, member, 'left'))
      .thenRefused('workspace-locked');
    given(...tenantWithStaff, locked)
      .when(remove(member, member, 'erased'))
      .thenHappened(removed(member, 'erased'));
  });
  it('removes the member from their teams first, and from no other team', () =>
    given(
      ...tenantWithStaff,
      ...[teamCreated('sales', 'Sales'), teamCreated('support', 'Support'), teamCreated('legal', 'Legal')],
      ...[teamMemberAdded('sales', member), teamMemberAdded('legal', member), teamMemberAdded('support', admin)],
    )
      .when(remove(owner, member))
      .thenHappened(
        teamMemberRemoved('sales', member),
        teamMemberRemoved('legal', member),
        removed(member, 'removed'),
      ));
  it('is refused with not-found for a user who is not a member', () =>
    given(...tenantWithStaff)
      .when(remove(owner, stranger))
      .thenRefused('not-found'));
  it('is refused with not-found for a user who was removed before', () =>
    given(...tenantWithStaff, memberRemoved(member))
      .when(remove(owner, member))
      .thenRefused('not-found'));
  it('is refused with not-found for a user who left before', () =>
    given(...tenantWithStaff, memberRemoved(member))
      .when(remove(member, member))
      .thenRefused('not-found'));
  it('is refused with not-found if the sender is not a member', () =>
    given(...tenantWithStaff)
      .when(remove(stranger, member))
      .thenRefused('not-found', 'There is no such tenant.'));
  it.each(['left', 'erased'] as const)('is refused with not-found for a user who is no member and is %s', (reason) =>
    given(...tenantWithStaff)
      .when(remove(stranger, stranger, reason))
      .thenRefused('not-found', 'There is no such tenant.'),
  );
  it('is refused with not-found if the tenant is closed', () =>
    given(...tenantWithStaff, tenantClosed)
      .when(remove(member, member))
      .thenRefused('not-found'));
  it('is refused with a version from before the member’s last role change', () =>
    given(...tenantWithStaff, changed(member, 'auditor'))
      .when(remove(owner, member, 'removed', 3))
      .thenRefused('precondition-failed'));
  it('accepts the version of the member', () =>
    given(...tenantWithStaff, changed(member, 'auditor'))
      .when(remove(owner, member, 'removed', 5))
      .thenHappened(removed(member, 'removed')));
});

describe('transferring ownership', () => {
  it.each(['owner', 'admin', 'member', 'auditor'] as const)(
    'is allowed if an owner chooses a member with the role %s',
    (role) =>
      given(...withSecond(role))
        .when(transfer(owner, second))
        .thenHappened(transferred(owner, second)),
  );
  it('makes the sender an admin, who cannot transfer it again', () =>
    given(...tenantWithStaff, transferred(owner, member))
      .when(transfer(owner, admin))
      .thenRefused('forbidden'));
  it('makes the other member the last owner, who cannot leave', () =>
    given(...tenantWithStaff, transferred(owner, member))
      .when(remove(member, member))
      .thenRefused('conflict'));
  it('to another owner leaves only that owner, who cannot leave', () =>
    given(...withSecond('owner'), transferred(owner, second))
      .when(remove(second, second))
      .thenRefused('conflict'));
  it('changes the version of both members', () => {
    const after = [...tenantWithStaff, transferred(owner, member)];
    given(...after)
      .when(change(member, owner, 'member', 1))
      .thenRefused('precondition-failed');
    given(...after)
      .when(change(member, owner, 'member', 5))
      .thenHappened(changed(owner, 'member'));
    given(...after)
      .when(change(member, member, 'admin', 3))
      .thenRefused('precondition-failed');
  });
  it('to the sender is refused', () =>
    given(...tenantWithStaff)
      .when(transfer(owner, owner))
      .thenRefused('conflict', 'You are an owner already. Choose another member.'));
  it('is refused with not-found for a user who is not a member', () =>
    given(...tenantWithStaff)
      .when(transfer(owner, stranger))
      .thenRefused('not-found'));
  it.each(['admin', 'member', 'auditor'] as const)('is forbidden to the role %s', (role) =>
    given(...tenantWithStaff)
      .when(transfer(USERS[role], owner))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(...tenantWithStaff)
      .when(transfer(stranger, member))
      .thenRefused('not-found'));
  it('is refused with not-found if the tenant is closed', () =>
    given(...tenantWithStaff, tenantClosed)
      .when(transfer(owner, member))
      .thenRefused('not-found'));
});

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
