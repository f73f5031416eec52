import { specificationOf } from '#testing/given-when-then';
import {
  INVITATION,
  memberInvited,
  memberJoined,
  memberRemoved,
  tenantClosed,
  tenantCreated,
  tenantWithStaff,
  USERS,
} from '#testing/tenant-facts';
import type { InStreamLimits } from '../limits';
import { NO_LIMITS } from '../limits';
import { type JoinTenantInput, joinTenant } from './decide-invitations';
import type { MemberInvited, TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import type { Role } from './roles';

const { given } = specificationOf(tenantFold);

const { owner, admin, stranger } = USERS;
const guest = '01a20000-0000-7000-8000-000000000007';
const OTHER = '01a20000-0000-7000-8000-0000000000bb';
const at = '2026-01-15T00:00:00.000Z';
const join =
  (more: Partial<JoinTenantInput> = {}, limits: Partial<InStreamLimits> = {}) =>
  (tenant: Tenant) => {
    const joining = { userId: stranger, tokenHash: memberInvited().data.tokenHash, emailDomain: 'acme.example', at };
    return joinTenant({ ...joining, ...more }, { ...NO_LIMITS, ...limits }, tenant);
  };

const invited = (more: Partial<MemberInvited['data']> = {}): TenantEvent => memberInvited(more);
const other = invited({ invitationId: OTHER, tokenHash: 'hash of another token' });
const revoked: TenantEvent = { type: 'InvitationRevoked', data: { invitationId: INVITATION } };
const joined = (userId: string, use: number, role: Role = 'member'): TenantEvent =>
  memberJoined(userId, role, INVITATION, use);

describe('joining', () => {
  it.each(['admin', 'member', 'auditor'] as const)('gives the role %s of the invitation', (role) =>
    given(tenantCreated, invited({ role }))
      .when(join())
      .thenHappened(joined(stranger, 1, role)),
  );
  it('selects the invitation by its token', () =>
    given(tenantCreated, other, invited()).when(join()).thenHappened(joined(stranger, 1)));
  it('counts the uses', () =>
    given(tenantCreated, invited({ maxUses: 2 }), joined(guest, 1))
      .when(join())
      .thenHappened(joined(stranger, 2)));
  it('is refused with not-found when the invitation is used up', () =>
    given(tenantCreated, invited({ maxUses: 2 }), joined(guest, 1), joined(admin, 2))
      .when(join())
      .thenRefused('not-found'));
  it('is refused with not-found for a used-up invitation after the user who joined has left', () =>
    given(tenantCreated, invited(), joined(guest, 1), memberRemoved(guest)).when(join()).thenRefused('not-found'));
  describe('a second time', () => {
    const invitation = invited({ maxUses: 5 });
    const left: TenantEvent = { type: 'MemberRemoved', data: { userId: stranger, reason: 'left' } };
    it('is refused with not-found for a user who was removed after the invitation was created', () =>
      given(tenantCreated, invitation, joined(stranger, 1), memberRemoved(stranger))
        .when(join())
        .thenRefused('not-found'));
    it('works with an invitation that was created after the removal', () =>
      given(tenantCreated, memberJoined(stranger, 'admin'), memberRemoved(stranger), invitation)
        .when(join())
        .thenHappened(joined(stranger, 1)));
    it('works with an earlier invitation for a user who left', () =>
      given(tenantCreated, invitation, joined(stranger, 1), left).when(join()).thenHappened(joined(stranger, 2)));
    it('is refused with not-found for a user who was removed once, even if they joined and left since then', () =>
      given(
        ...[tenantCreated, invitation, joined(stranger, 1), memberRemoved(stranger)],
        ...[memberJoined(stranger, 'member', 'a newer invitation'), left],
      )
        .when(join())
        .thenRefused('not-found'));
    it('is refused with not-found only for the removed user: other users can join', () =>
      given(tenantCreated, invitation, joined(stranger, 1), memberRemoved(stranger))
        .when(join({ userId: guest }))
        .thenHappened(joined(guest, 2)));
  });
  it('is refused with not-found if the member who created the invitation could no longer create it', () => {
    const byAdmin = invited({ invitedBy: admin });
    given(...tenantWithStaff, byAdmin)
      .when(join())
      .thenHappened(joined(stranger, 1));
    given(...tenantWithStaff, byAdmin, memberRemoved(admin))
      .when(join())
      .thenRefused('not-found');
    given(...tenantWithStaff, byAdmin, { type: 'MemberRoleChanged', data: { userId: admin, role: 'member' } })
      .when(join())
      .thenRefused('not-found');
  });
  it('is refused with not-found with an unknown token', () =>
    given(tenantCreated, other).when(join()).thenRefused('not-found', 'There is no such invitation.'));
  it('is refused with not-found with a revoked invitation', () =>
    given(tenantCreated, invited(), revoked).when(join()).thenRefused('not-found'));
  it.each([
    ['2026-02-01T00:00:00.000Z', 'at'],
    ['2027-01-01T00:00:00.000Z', 'after'],
  ])('is refused with not-found at %s, %s the expiry time', (late) =>
    given(tenantCreated, invited())
      .when(join({ at: late }))
      .thenRefused('not-found'),
  );
  it('works just before the expiry time', () =>
    given(tenantCreated, invited())
      .when(join({ at: '2026-01-31T23:59:59.999Z' }))
      .thenHappened(joined(stranger, 1)));
  it('is refused with not-found if the tenant is closed, even for its members', () => {
    given(tenantCreated, invited(), tenantClosed).when(join()).thenRefused('not-found');
    given(tenantCreated, invited(), tenantClosed)
      .when(join({ userId: owner }))
      .thenRefused('not-found');
  });
  it('is refused with not-found if there is no such tenant', () => given().when(join()).thenRefused('not-found'));

  const forAcme = invited({ emailDomains: ['acme.example', 'acme.test'] });
  it.each(['acme.example', 'acme.test'])('works with an address of %s, a domain of the invitation', (emailDomain) =>
    given(tenantCreated, forAcme).when(join({ emailDomain })).thenHappened(joined(stranger, 1)),
  );
  it.each(['other.example', 'sub.acme.example', 'notacme.example', ''])(
    'is refused with an address of %j, which is not a domain of the invitation',
    (emailDomain) =>
      given(tenantCreated, forAcme)
        .when(join({ emailDomain }))
        .thenRefused('forbidden', 'This invitation only allows e-mail addresses of acme.example, acme.test.'),
  );
  it('does not reveal the domains of a revoked invitation', () =>
    given(tenantCreated, forAcme, revoked)
      .when(join({ emailDomain: 'other.example' }))
      .thenRefused('not-found'));

  it('is refused while the tenant is locked', () => {
    const data = { reason: 'payment-failed', since: at, suspendAt: at } as const;
    given(tenantCreated, invited(), { type: 'WorkspaceLocked', data }).when(join()).thenRefused('workspace-locked');
  });
  it('uses up nothing for a member', () =>
    given(tenantCreated, invited({ maxUses: 2 }), joined(stranger, 1))
      .when(join())
      .thenNothing());
  it('does not change the role of a member', () =>
    given(...tenantWithStaff, invited({ role: 'admin' }))
      .when(join({ userId: USERS.auditor }))
      .thenNothing());
  it('adds no event for a member, and is not refused, if the invitation is used up or revoked since then', () => {
    given(tenantCreated, invited(), joined(stranger, 1)).when(join()).thenNothing();
    given(tenantCreated, invited({ maxUses: 2 }), joined(stranger, 1), revoked)
      .when(join())
      .thenNothing();
  });
  it('can use the last seat of the plan', () =>
    given(tenantCreated, invited())
      .when(join({}, { seats: 2 }))
      .thenHappened(joined(stranger, 1)));
  it('is refused if every seat of the plan is used', () =>
    given(...tenantWithStaff, invited())
      .when(join({}, { seats: 4 }))
      .thenRefused('plan-limit-reached'));
  it('needs no seat for a member', () =>
    given(...tenantWithStaff, invited())
      .when(join({ userId: admin }, { seats: 1 }))
      .thenNothing());
});
