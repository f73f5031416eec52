import { specificationOf } from '#testing/given-when-then';
import {
  INVITATION,
  memberInvited,
  memberJoined,
  tenantClosed,
  tenantCreated,
  tenantWithStaff,
  USERS,
} from '#testing/tenant-facts';
import type { InStreamLimits } from '../limits';
import { NO_LIMITS } from '../limits';
import { type InviteMemberInput, inviteMember, MAX_USES, revokeInvitation } from './decide-invitations';
import type { MemberInvited, TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import type { Role } from './roles';

const { given } = specificationOf(tenantFold);

const { owner, admin, stranger } = USERS;
const OTHER = '01a20000-0000-7000-8000-0000000000bb';
const at = '2026-01-15T00:00:00.000Z';

const invite =
  (more: Partial<InviteMemberInput> = {}, limits: Partial<InStreamLimits> = {}) =>
  (tenant: Tenant) => {
    const { invitedBy: by, ...invitation } = memberInvited().data;
    return inviteMember({ by, ...invitation, at, ...more }, { ...NO_LIMITS, ...limits }, tenant);
  };
const revoke =
  (by: string, invitationId = INVITATION) =>
  (tenant: Tenant) =>
    revokeInvitation({ by, invitationId }, tenant);

const invited = (more: Partial<MemberInvited['data']> = {}): TenantEvent => memberInvited(more);
const other = invited({ invitationId: OTHER, tokenHash: 'hash of another token' });
const revoked: TenantEvent = { type: 'InvitationRevoked', data: { invitationId: INVITATION } };
const joined = (userId: string, use: number, role: Role = 'member'): TenantEvent =>
  memberJoined(userId, role, INVITATION, use);

describe('inviting', () => {
  it.each(['admin', 'member', 'auditor'] as const)('with the role %s is allowed to an owner', (role) =>
    given(...tenantWithStaff)
      .when(invite({ role }))
      .thenHappened(invited({ role })),
  );
  it.each(['member', 'auditor'] as const)('with the role %s is allowed to an admin', (role) =>
    given(...tenantWithStaff)
      .when(invite({ by: admin, role }))
      .thenHappened(invited({ role, invitedBy: admin })),
  );
  it('with the role admin is forbidden to an admin', () =>
    given(...tenantWithStaff)
      .when(invite({ by: admin, role: 'admin' }))
      .thenRefused('forbidden', 'This action needs the role owner.'));
  it.each([owner, admin])('with the role owner is forbidden to every role', (by) =>
    given(...tenantWithStaff)
      .when(invite({ by, role: 'owner' }))
      .thenRefused('forbidden', 'An invitation cannot grant the role owner. Invite a member, then transfer ownership.'),
  );
  it.each(['member', 'auditor'] as const)('is forbidden to the role %s', (role) =>
    given(...tenantWithStaff)
      .when(invite({ by: USERS[role], role: 'auditor' }))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(tenantCreated)
      .when(invite({ by: stranger }))
      .thenRefused('not-found'));
  it('is refused with not-found if the tenant is closed', () =>
    given(tenantCreated, tenantClosed).when(invite()).thenRefused('not-found'));
  it('is refused with not-found if there is no such tenant', () => given().when(invite()).thenRefused('not-found'));
  it.each([1, MAX_USES])('is allowed for %d uses', (maxUses) =>
    given(tenantCreated).when(invite({ maxUses })).thenHappened(invited({ maxUses })),
  );
  it.each([0, -1, 1.5, Number.NaN, MAX_USES + 1])('is refused for %d uses', (maxUses) =>
    given(tenantCreated)
      .when(invite({ maxUses }))
      .thenRefused('conflict', 'An invitation may be used 1 to 10000 times.'),
  );
  it.each([at, '2026-01-14T23:59:59.999Z', '2026-01-15T01:00:00.000+01:00', 'tomorrow'])(
    'is refused with the expiry time %s, which is past or no time',
    (expiresAt) =>
      given(tenantCreated)
        .when(invite({ expiresAt }))
        .thenRefused('conflict', 'The expiry time is in the past. Choose a later time.'),
  );
  it('is allowed up to the limit of the plan', () =>
    given(tenantCreated, other)
      .when(invite({}, { openInvitations: 2 }))
      .thenHappened(invited()));
  it('is refused beyond the limit of the plan', () =>
    given(tenantCreated, other)
      .when(invite({}, { openInvitations: 1 }))
      .thenRefused('plan-limit-reached'));
  it.each([
    ['expired', invited({ expiresAt: at })],
    ['revoked', invited(), revoked],
    ['used up', invited(), joined(stranger, 1)],
  ])('does not count an invitation that is %s', (_, ...facts) =>
    given(tenantCreated, ...(facts as TenantEvent[]))
      .when(invite({ invitationId: OTHER }, { openInvitations: 1 }))
      .thenHappened(invited({ invitationId: OTHER })),
  );
  it('is refused with the id of an open invitation, so that its uses still count', () =>
    given(tenantCreated, invited({ maxUses: 2 }), joined(stranger, 1))
      .when(invite())
      .thenRefused('conflict', 'An invitation with this id already exists.'));
  it('is limited to e-mail domains only if the plan has that feature', () => {
    const emailDomains = ['acme.example'];
    given(tenantCreated).when(invite({ emailDomains })).thenHappened(invited({ emailDomains }));
    given(tenantCreated)
      .when(invite({ emailDomains }, { features: [], plan: 'free' }))
      .thenRefused(
        'feature-not-in-plan',
        'The plan free does not include invitations that are limited to e-mail domains. Choose a larger plan.',
      );
    given(tenantCreated)
      .when(invite({}, { features: [] }))
      .thenHappened(invited());
  });

  describe('if open invitations hold seats', () => {
    const inviteTwo = (seats: number, invitationsHoldSeats = true) =>
      invite({ invitationId: OTHER, maxUses: 2 }, { seats, invitationsHoldSeats });
    const happened = invited({ invitationId: OTHER, maxUses: 2 });
    const withThreeUnusedUses = [tenantCreated, invited({ maxUses: 4 }), joined(stranger, 1)];
    it('needs a seat for each member, each unused use and each new use', () => {
      given(...withThreeUnusedUses)
        .when(inviteTwo(7))
        .thenHappened(happened);
      given(...withThreeUnusedUses)
        .when(inviteTwo(6))
        .thenRefused('plan-limit-reached', 'The plan none allows 6 seats, and 5 are used.');
    });
    it('needs no seat for an expired invitation', () =>
      given(tenantCreated, invited({ maxUses: 4, expiresAt: at }))
        .when(inviteTwo(3))
        .thenHappened(happened));
    it('needs no seat if they do not', () =>
      given(...withThreeUnusedUses)
        .when(inviteTwo(1, false))
        .thenHappened(happened));
  });
});

describe('revoking an invitation', () => {
  it.each([owner, admin])('is allowed to owners and admins, even if another member created it', (by) =>
    given(...tenantWithStaff, invited())
      .when(revoke(by))
      .thenHappened(revoked),
  );
  it.each(['member', 'auditor'] as const)('is forbidden to the role %s', (role) =>
    given(...tenantWithStaff, invited())
      .when(revoke(USERS[role]))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(tenantCreated, invited()).when(revoke(stranger)).thenRefused('not-found'));
  it('is refused with not-found if there is no such invitation', () =>
    given(tenantCreated, other).when(revoke(owner)).thenRefused('not-found', 'There is no such invitation.'));
  it('is refused with not-found a second time', () =>
    given(tenantCreated, invited(), revoked).when(revoke(owner)).thenRefused('not-found'));
  it('is refused with not-found if the invitation is used up', () =>
    given(tenantCreated, invited(), joined(stranger, 1)).when(revoke(owner)).thenRefused('not-found'));
  it('does not revoke other invitations', () =>
    given(tenantCreated, invited(), other, revoked)
      .when(revoke(owner, OTHER))
      .thenHappened({
        type: 'InvitationRevoked',
        data: { invitationId: OTHER },
      }));
  it('works for an expired invitation', () =>
    given(tenantCreated, invited({ expiresAt: at }))
      .when(revoke(owner))
      .thenHappened(revoked));
  it('is refused with not-found if the tenant is closed', () =>
    given(tenantCreated, invited(), tenantClosed).when(revoke(owner)).thenRefused('not-found'));
});
