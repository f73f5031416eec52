import { specificationOf } from '#testing/given-when-then';
import {
  memberJoined,
  memberRemoved,
  tenantClosed,
  tenantCreated,
  tenantWithStaff,
  USERS,
} from '#testing/tenant-facts';
import { changeRole, type RemoveMemberInput, removeMember, transferOwnership } from './decide-members';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import { ROLES, type Role } from './roles';

const { given } = specificationOf(tenantFold);

const { owner, admin, member, stranger } = USERS;
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
