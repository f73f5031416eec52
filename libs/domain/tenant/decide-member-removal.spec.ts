import { specificationOf } from '#testing/given-when-then';
import {
  memberJoined,
  memberRemoved,
  teamCreated,
  teamMemberAdded,
  teamMemberRemoved,
  tenantClosed,
  tenantWithStaff,
  USERS,
} from '#testing/tenant-facts';
import { type RemoveMemberInput, removeMember } from './decide-members';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import { ROLES, type Role } from './roles';

const { given } = specificationOf(tenantFold);

const { owner, admin, member, auditor, stranger } = USERS;
const second = '01a20000-0000-7000-8000-000000000006';
const at = '2026-01-15T00:00:00.000Z';
const remove =
  (
    by: string,
    userId: string,
    reason: RemoveMemberInput['reason'] = by === userId ? 'left' : 'removed',
    requiredVersion?: number,
  ) =>
  (tenant: Tenant) =>
    removeMember({ by, userId, reason, at }, tenant, requiredVersion);

const changed = (userId: string, role: Role): TenantEvent => ({
  type: 'MemberRoleChanged',
  data: { userId, role },
});
const removed = (userId: string, reason: RemoveMemberInput['reason']): TenantEvent => ({
  type: 'MemberRemoved',
  data: { userId, reason },
});
/** The staff and one more member, with the given role. */
const withSecond = (role: Role): readonly TenantEvent[] => [...tenantWithStaff, memberJoined(second, role)];

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
