import { specificationOf } from '#testing/given-when-then';
import {
  INVITATION,
  memberInvited,
  memberJoined,
  memberRemoved,
  PEOPLE,
  staffed,
  tenantClosed,
  tenantCreated,
} from '#testing/tenant-facts';
import type { InStreamLimits } from '../limits';
import { NO_LIMITS } from '../limits';
import {
  type InviteMemberInput,
  inviteMember,
  type JoinTenantInput,
  joinTenant,
  MAX_USES,
  revokeInvitation,
} from './decide-invitations';
import type { MemberInvited, TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';
import type { Role } from './roles';

const { given } = specificationOf(tenantFold);

const { owner, admin, stranger } = PEOPLE;
const guest = '01a20000-0000-7000-8000-000000000007';
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

describe('inviting', () => {
  it.each(['admin', 'member', 'auditor'] as const)('to be %s is for owners', (role) =>
    given(...staffed)
      .when(invite({ role }))
      .thenHappened(invited({ role })),
  );
  it.each(['member', 'auditor'] as const)('to be %s is for admins', (role) =>
    given(...staffed)
      .when(invite({ by: admin, role }))
      .thenHappened(invited({ role, invitedBy: admin })),
  );
  it('to be admin is not for admins', () =>
    given(...staffed)
      .when(invite({ by: admin, role: 'admin' }))
      .thenRefused('forbidden'));
  it.each([owner, admin])('to be owner is for nobody', (by) =>
    given(...staffed)
      .when(invite({ by, role: 'owner' }))
      .thenRefused('forbidden'),
  );
  it.each(['member', 'auditor'] as const)('is not for somebody who is %s', (role) =>
    given(...staffed)
      .when(invite({ by: PEOPLE[role], role: 'auditor' }))
      .thenRefused('forbidden'),
  );
  it('is not found by somebody who does not belong to the tenant', () =>
    given(tenantCreated)
      .when(invite({ by: stranger }))
      .thenRefused('not-found'));
  it('is not found where the tenant is closed', () =>
    given(tenantCreated, tenantClosed).when(invite()).thenRefused('not-found'));
  it('is not found where there is none', () => given().when(invite()).thenRefused('not-found'));
  it.each([1, MAX_USES])('is for %d uses', (maxUses) =>
    given(tenantCreated).when(invite({ maxUses })).thenHappened(invited({ maxUses })),
  );
  it.each([0, -1, 1.5, Number.NaN, MAX_USES + 1])('is not for %d uses', (maxUses) =>
    given(tenantCreated).when(invite({ maxUses })).thenRefused('conflict'),
  );
  it.each([at, '2026-01-14T23:59:59.999Z', '2026-01-15T01:00:00.000+01:00', 'tomorrow'])(
    'is refused until %s: it would have expired, or never',
    (expiresAt) => given(tenantCreated).when(invite({ expiresAt })).thenRefused('conflict'),
  );
  it('is within what the plan allows', () =>
    given(tenantCreated, other)
      .when(invite({}, { openInvitations: 2 }))
      .thenHappened(invited()));
  it('is refused beyond what the plan allows', () =>
    given(tenantCreated, other)
      .when(invite({}, { openInvitations: 1 }))
      .thenRefused('plan-limit-reached'));
  it.each([
    ['expired', invited({ expiresAt: at })],
    ['revoked', invited(), revoked],
    ['spent', invited(), joined(stranger, 1)],
  ])('does not count one that is %s', (_, ...facts) =>
    given(tenantCreated, ...(facts as TenantEvent[]))
      .when(invite({ invitationId: OTHER }, { openInvitations: 1 }))
      .thenHappened(invited({ invitationId: OTHER })),
  );
  it('under the id of one that there is, is refused: its uses continue counting', () =>
    given(tenantCreated, invited({ maxUses: 2 }), joined(stranger, 1))
      .when(invite())
      .thenRefused('conflict'));
});

describe('revoking an invitation', () => {
  it.each([owner, admin])('is for owners and admins, also where another member made the link', (by) =>
    given(...staffed, invited())
      .when(revoke(by))
      .thenHappened(revoked),
  );
  it.each(['member', 'auditor'] as const)('is not for somebody who is %s', (role) =>
    given(...staffed, invited())
      .when(revoke(PEOPLE[role]))
      .thenRefused('forbidden'),
  );
  it('is not found by somebody who does not belong to the tenant', () =>
    given(tenantCreated, invited()).when(revoke(stranger)).thenRefused('not-found'));
  it('that never was is not found', () => given(tenantCreated, other).when(revoke(owner)).thenRefused('not-found'));
  it('twice is not found', () => given(tenantCreated, invited(), revoked).when(revoke(owner)).thenRefused('not-found'));
  it('that is spent is not found', () =>
    given(tenantCreated, invited(), joined(stranger, 1)).when(revoke(owner)).thenRefused('not-found'));
  it('leaves the others', () =>
    given(tenantCreated, invited(), other, revoked)
      .when(revoke(owner, OTHER))
      .thenHappened({
        type: 'InvitationRevoked',
        data: { invitationId: OTHER },
      }));
  it('that has expired is possible', () =>
    given(tenantCreated, invited({ expiresAt: at }))
      .when(revoke(owner))
      .thenHappened(revoked));
  it('is not found where the tenant is closed', () =>
    given(tenantCreated, invited(), tenantClosed).when(revoke(owner)).thenRefused('not-found'));
});

describe('joining', () => {
  it.each(['admin', 'member', 'auditor'] as const)('makes somebody %s, as the link says', (role) =>
    given(tenantCreated, invited({ role }))
      .when(join())
      .thenHappened(joined(stranger, 1, role)),
  );
  it('goes by the token among several', () =>
    given(tenantCreated, other, invited()).when(join()).thenHappened(joined(stranger, 1)));
  it('counts the uses', () =>
    given(tenantCreated, invited({ maxUses: 2 }), joined(guest, 1))
      .when(join())
      .thenHappened(joined(stranger, 2)));
  it('is not found once it is used as often as it says', () =>
    given(tenantCreated, invited({ maxUses: 2 }), joined(guest, 1), joined(admin, 2))
      .when(join())
      .thenRefused('not-found'));
  it('is not given back by somebody’s leaving', () =>
    given(tenantCreated, invited(), joined(guest, 1), memberRemoved(guest)).when(join()).thenRefused('not-found'));
  describe('again', () => {
    const link = invited({ maxUses: 5 });
    const left: TenantEvent = { type: 'MemberRemoved', data: { userId: stranger, reason: 'left' } };
    it('is not found by whom others removed after the link was made', () =>
      given(tenantCreated, link, joined(stranger, 1), memberRemoved(stranger)).when(join()).thenRefused('not-found'));
    it('by a link that was made after the removal works', () =>
      given(tenantCreated, memberJoined(stranger, 'admin'), memberRemoved(stranger), link)
        .when(join())
        .thenHappened(joined(stranger, 1)));
    it('by an earlier link works for a user who left', () =>
      given(tenantCreated, link, joined(stranger, 1), left).when(join()).thenHappened(joined(stranger, 2)));
    it('is not found by whom others removed once, whatever they did since', () =>
      given(
        ...[tenantCreated, link, joined(stranger, 1), memberRemoved(stranger)],
        ...[memberJoined(stranger, 'member', 'a newer link'), left],
      )
        .when(join())
        .thenRefused('not-found'));
    it('is nothing to the others', () =>
      given(tenantCreated, link, joined(stranger, 1), memberRemoved(stranger))
        .when(join({ userId: guest }))
        .thenHappened(joined(guest, 2)));
  });
  it('is not found where the member who made the link could no longer make it', () => {
    const byAdmin = invited({ invitedBy: admin });
    given(...staffed, byAdmin)
      .when(join())
      .thenHappened(joined(stranger, 1));
    given(...staffed, byAdmin, memberRemoved(admin))
      .when(join())
      .thenRefused('not-found');
    given(...staffed, byAdmin, { type: 'MemberRoleChanged', data: { userId: admin, role: 'member' } })
      .when(join())
      .thenRefused('not-found');
  });
  it('by an unknown token is not found', () => given(tenantCreated, other).when(join()).thenRefused('not-found'));
  it('by a revoked link is not found', () =>
    given(tenantCreated, invited(), revoked).when(join()).thenRefused('not-found'));
  it.each([
    ['2026-02-01T00:00:00.000Z', 'at'],
    ['2027-01-01T00:00:00.000Z', 'after'],
  ])('at %s, %s its end, is not found', (late) =>
    given(tenantCreated, invited())
      .when(join({ at: late }))
      .thenRefused('not-found'),
  );
  it('just before its end works', () =>
    given(tenantCreated, invited())
      .when(join({ at: '2026-01-31T23:59:59.999Z' }))
      .thenHappened(joined(stranger, 1)));
  it('a tenant that is closed is not found, by its members neither', () => {
    given(tenantCreated, invited(), tenantClosed).when(join()).thenRefused('not-found');
    given(tenantCreated, invited(), tenantClosed)
      .when(join({ userId: owner }))
      .thenRefused('not-found');
  });
  it('where there is no tenant is not found', () => given().when(join()).thenRefused('not-found'));

  const forAcme = invited({ emailDomains: ['acme.example', 'acme.test'] });
  it.each(['acme.example', 'acme.test'])('works with an address of %s, one of its domains', (emailDomain) =>
    given(tenantCreated, forAcme).when(join({ emailDomain })).thenHappened(joined(stranger, 1)),
  );
  it.each(['other.example', 'sub.acme.example', 'notacme.example', ''])(
    'is refused with an address of %j, none of its domains',
    (emailDomain) => given(tenantCreated, forAcme).when(join({ emailDomain })).thenRefused('forbidden'),
  );
  it('does not reveal its domains once it cannot be used', () =>
    given(tenantCreated, forAcme, revoked)
      .when(join({ emailDomain: 'other.example' }))
      .thenRefused('not-found'));

  it('again uses nothing', () =>
    given(tenantCreated, invited({ maxUses: 2 }), joined(stranger, 1))
      .when(join())
      .thenNothing());
  it('again changes no role', () =>
    given(...staffed, invited({ role: 'admin' }))
      .when(join({ userId: PEOPLE.auditor }))
      .thenNothing());
  it('again by a link that is spent or revoked since is nothing, and no refusal', () => {
    given(tenantCreated, invited(), joined(stranger, 1)).when(join()).thenNothing();
    given(tenantCreated, invited({ maxUses: 2 }), joined(stranger, 1), revoked)
      .when(join())
      .thenNothing();
  });
  it('takes the last seat of the plan', () =>
    given(tenantCreated, invited())
      .when(join({}, { seats: 2 }))
      .thenHappened(joined(stranger, 1)));
  it('is refused where every seat of the plan is taken', () =>
    given(...staffed, invited())
      .when(join({}, { seats: 4 }))
      .thenRefused('plan-limit-reached'));
  it('again needs no seat', () =>
    given(...staffed, invited())
      .when(join({ userId: admin }, { seats: 1 }))
      .thenNothing());
});
