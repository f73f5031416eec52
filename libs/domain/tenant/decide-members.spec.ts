import { specificationOf } from '#testing/given-when-then';
import {
  memberInvited,
  memberJoined,
  memberRemoved,
  PEOPLE,
  staffed,
  teamCreated,
  teamMemberAdded,
  teamMemberRemoved,
  tenantClosed,
  tenantCreated,
} from '#testing/tenant-facts';
import { MAX_ENDED } from './decide-invitations';
import { changeRole, type RemoveMemberInput, removeMember, transferOwnership } from './decide-members';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import { ROLES, type Role } from './roles';

const { given } = specificationOf(tenantFold);

const { owner, admin, member, auditor, stranger } = PEOPLE;
const second = '01a20000-0000-7000-8000-000000000006';
const at = '2026-01-15T00:00:00.000Z';

const change = (by: string, userId: string, role: Role, seen?: number) => (tenant: Tenant) =>
  changeRole({ by, userId, role, at }, tenant, seen);
const remove =
  (
    by: string,
    userId: string,
    reason: RemoveMemberInput['reason'] = by === userId ? 'left' : 'removed',
    seen?: number,
  ) =>
  (tenant: Tenant) =>
    removeMember({ by, userId, reason, at }, tenant, seen);
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
/** Somebody besides the staff, of each role in turn. */
const withSecond = (role: Role): readonly TenantEvent[] => [...staffed, memberJoined(second, role)];

describe('changing a role', () => {
  describe.each(ROLES)('of somebody who is %s', (from) => {
    it.each(otherRoles(from))('to %s is for owners', (to) =>
      given(...withSecond(from))
        .when(change(owner, second, to))
        .thenHappened(changed(second, to)),
    );
    it.each(otherRoles(from))(`to %s is for an admin where neither is an owner’s`, (to) => {
      const { thenHappened, thenRefused } = given(...withSecond(from)).when(change(admin, second, to));
      if (from !== 'owner' && to !== 'owner') thenHappened(changed(second, to));
      else thenRefused('forbidden');
    });
    it.each(['member', 'auditor'] as const)('is not for somebody who is %s', (role) => {
      for (const to of ROLES)
        given(...withSecond(from))
          .when(change(PEOPLE[role], second, to))
          .thenRefused('forbidden');
    });
  });

  it('to what they are already is nothing', () =>
    given(...staffed)
      .when(change(owner, member, 'member'))
      .thenNothing());
  it('of the last owner is refused, by themselves too', () =>
    given(...staffed)
      .when(change(owner, owner, 'admin'))
      .thenRefused('conflict'));
  it('of the last owner to owner is nothing', () =>
    given(tenantCreated)
      .when(change(owner, owner, 'owner'))
      .thenNothing());
  it('of one of two owners is theirs to do', () =>
    given(...withSecond('owner'))
      .when(change(owner, owner, 'member'))
      .thenHappened(changed(owner, 'member')));
  it('of the second of two owners is refused once the first is none', () =>
    given(...withSecond('owner'), changed(owner, 'member'))
      .when(change(second, second, 'member'))
      .thenRefused('conflict'));
  it('of an admin is theirs to do', () =>
    given(...staffed)
      .when(change(admin, admin, 'member'))
      .thenHappened(changed(admin, 'member')));
  it('of a member is not theirs to do', () =>
    given(...staffed)
      .when(change(member, member, 'admin'))
      .thenRefused('forbidden'));
  it('of somebody who does not belong to the tenant is not found', () =>
    given(...staffed)
      .when(change(owner, stranger, 'admin'))
      .thenRefused('not-found'));
  it('of somebody who was removed is not found', () =>
    given(...staffed, memberRemoved(member))
      .when(change(owner, member, 'admin'))
      .thenRefused('not-found'));
  it('by somebody who does not belong to the tenant is not found', () =>
    given(...staffed)
      .when(change(stranger, member, 'admin'))
      .thenRefused('not-found'));
  it('is not found where the tenant is closed', () =>
    given(...staffed, tenantClosed)
      .when(change(owner, member, 'admin'))
      .thenRefused('not-found'));
  it('is not found where there is no tenant', () =>
    given()
      .when(change(owner, member, 'admin'))
      .thenRefused('not-found'));

  it('goes by the version of that member, whatever else has happened since', () =>
    given(...staffed)
      .when(change(owner, member, 'admin', 3))
      .thenHappened(changed(member, 'admin')));
  it('under a version before their last role is refused', () =>
    given(...staffed, changed(member, 'auditor'))
      .when(change(owner, member, 'admin', 3))
      .thenRefused('precondition-failed'));
  it('under an old version is refused also where it is their role already', () =>
    given(...staffed, changed(member, 'auditor'))
      .when(change(owner, member, 'auditor', 3))
      .thenRefused('precondition-failed'));
  it('of somebody who is not there is not found, whatever the version', () =>
    given(...staffed)
      .when(change(owner, stranger, 'admin', 3))
      .thenRefused('not-found'));
});

describe('removing a member', () => {
  it.each(ROLES)('who is %s is for owners', (role) =>
    given(...withSecond(role))
      .when(remove(owner, second))
      .thenHappened(removed(second, 'removed')),
  );
  it.each(['admin', 'member', 'auditor'] as const)('who is %s is for admins', (role) =>
    given(...withSecond(role))
      .when(remove(admin, second))
      .thenHappened(removed(second, 'removed')),
  );
  it.each(['owner'] as const)('who is %s is not for admins', (role) =>
    given(...withSecond(role))
      .when(remove(admin, second))
      .thenRefused('forbidden'),
  );
  it.each(['member', 'auditor'] as const)('is not for somebody who is %s', (role) => {
    for (const other of ROLES)
      given(...withSecond(other))
        .when(remove(PEOPLE[role], second))
        .thenRefused('forbidden');
  });
  it.each(['admin', 'member', 'auditor'] as const)('is leaving where they are %s themselves', (role) =>
    given(...staffed)
      .when(remove(PEOPLE[role], PEOPLE[role]))
      .thenHappened(removed(PEOPLE[role], 'left')),
  );
  it('who is erased as a user is recorded as that', () =>
    given(...staffed)
      .when(remove(auditor, auditor, 'erased'))
      .thenHappened(removed(auditor, 'erased')));
  it.each(['left', 'erased'] as const)('who is the last owner is refused, also where they have %s', (reason) =>
    given(...staffed)
      .when(remove(owner, owner, reason))
      .thenRefused('conflict'),
  );
  it('who is one of two owners leaves the other', () =>
    given(...withSecond('owner'))
      .when(remove(second, owner))
      .thenHappened(removed(owner, 'removed')));
  it('who is the last of two owners is refused', () =>
    given(...withSecond('owner'), memberRemoved(owner))
      .when(remove(second, second))
      .thenRefused('conflict'));
  it('takes them out of their teams first, and of no other', () =>
    given(
      ...staffed,
      ...[teamCreated('sales', 'Sales'), teamCreated('support', 'Support'), teamCreated('legal', 'Legal')],
      ...[teamMemberAdded('sales', member), teamMemberAdded('legal', member), teamMemberAdded('support', admin)],
    )
      .when(remove(owner, member))
      .thenHappened(
        teamMemberRemoved('sales', member),
        teamMemberRemoved('legal', member),
        removed(member, 'removed'),
      ));
  it('who does not belong to the tenant is not found', () =>
    given(...staffed)
      .when(remove(owner, stranger))
      .thenRefused('not-found'));
  it('who was removed already is not found', () =>
    given(...staffed, memberRemoved(member))
      .when(remove(owner, member))
      .thenRefused('not-found'));
  it('who left already is not found', () =>
    given(...staffed, memberRemoved(member))
      .when(remove(member, member))
      .thenRefused('not-found'));
  it('by somebody who does not belong to the tenant is not found', () =>
    given(...staffed)
      .when(remove(stranger, member))
      .thenRefused('not-found'));
  it('is not found where the tenant is closed', () =>
    given(...staffed, tenantClosed)
      .when(remove(member, member))
      .thenRefused('not-found'));
  it('under a version before their last role is refused', () =>
    given(...staffed, changed(member, 'auditor'))
      .when(remove(owner, member, 'removed', 3))
      .thenRefused('precondition-failed'));
  it('goes by the version of that member', () =>
    given(...staffed, changed(member, 'auditor'))
      .when(remove(owner, member, 'removed', 5))
      .thenHappened(removed(member, 'removed')));
});

describe('transferring ownership', () => {
  it.each(['owner', 'admin', 'member', 'auditor'] as const)('is for an owner, to somebody who is %s', (role) =>
    given(...withSecond(role))
      .when(transfer(owner, second))
      .thenHappened(transferred(owner, second)),
  );
  it('leaves them an admin, who cannot do it again', () =>
    given(...staffed, transferred(owner, member))
      .when(transfer(owner, admin))
      .thenRefused('forbidden'));
  it('makes the other one the last owner', () =>
    given(...staffed, transferred(owner, member))
      .when(remove(member, member))
      .thenRefused('conflict'));
  it('to another owner leaves that one alone', () =>
    given(...withSecond('owner'), transferred(owner, second))
      .when(remove(second, second))
      .thenRefused('conflict'));
  it('changes the version of both', () => {
    const after = [...staffed, transferred(owner, member)];
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
  it('to oneself is refused', () =>
    given(...staffed)
      .when(transfer(owner, owner))
      .thenRefused('conflict'));
  it('to somebody who does not belong to the tenant is not found', () =>
    given(...staffed)
      .when(transfer(owner, stranger))
      .thenRefused('not-found'));
  it.each(['admin', 'member', 'auditor'] as const)('is not for somebody who is %s', (role) =>
    given(...staffed)
      .when(transfer(PEOPLE[role], owner))
      .thenRefused('forbidden'),
  );
  it('by somebody who does not belong to the tenant is not found', () =>
    given(...staffed)
      .when(transfer(stranger, member))
      .thenRefused('not-found'));
  it('is not found where the tenant is closed', () =>
    given(...staffed, tenantClosed)
      .when(transfer(owner, member))
      .thenRefused('not-found'));
});

describe('the links that somebody made', () => {
  const linkOf = (invitedBy: string, id: string, role: Role, expiresAt?: string): TenantEvent =>
    memberInvited({ invitedBy, invitationId: id, role, maxUses: 3, ...(expiresAt && { expiresAt }) });
  const ended = (invitationId: string): TenantEvent => ({ type: 'InvitationRevoked', data: { invitationId } });
  const two = [...withSecond('owner'), linkOf(second, 'link-1', 'admin'), linkOf(second, 'link-2', 'member')];

  it.each([
    ['removed', owner],
    ['left', second],
    ['erased', second],
  ] as const)('end where they are %s', (reason, by) =>
    given(...two)
      .when(remove(by, second, reason))
      .thenHappened(ended('link-1'), ended('link-2'), removed(second, reason)),
  );
  it('end as far as they could not make them in their new role', () => {
    given(...two)
      .when(change(owner, second, 'admin'))
      .thenHappened(ended('link-1'), changed(second, 'admin'));
    for (const role of ['member', 'auditor'] as const)
      given(...two)
        .when(change(owner, second, role))
        .thenHappened(ended('link-1'), ended('link-2'), changed(second, role));
  });
  it('stay where they rise', () =>
    given(...withSecond('admin'), linkOf(second, 'link-1', 'member'))
      .when(change(owner, second, 'owner'))
      .thenHappened(changed(second, 'owner')));
  it('for admins end with a transfer of ownership', () =>
    given(...two)
      .when(transfer(second, admin))
      .thenHappened(ended('link-1'), transferred(second, admin)));
  it('end as far as one append holds them, those that were made last', () => {
    const ids = Array.from({ length: MAX_ENDED + 1 }, (_, n) => `link-${String(n).padStart(4, '0')}`);
    given(...withSecond('admin'), ...ids.map((id) => linkOf(second, id, 'member')))
      .when(remove(owner, second))
      .thenHappened(...ids.slice(1).map(ended), removed(second, 'removed'));
  });
  it('stay where others are removed, have expired or are revoked already', () =>
    given(
      ...withSecond('admin'),
      linkOf(owner, 'link-1', 'member'),
      linkOf(second, 'link-2', 'member', at),
      linkOf(second, 'link-3', 'member'),
      ended('link-3'),
    )
      .when(remove(owner, second))
      .thenHappened(removed(second, 'removed')));
});
