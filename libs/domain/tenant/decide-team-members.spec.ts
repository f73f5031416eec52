import { specificationOf } from '#testing/given-when-then';
import {
  memberRemoved,
  teamCreated,
  teamMemberAdded,
  teamMemberRemoved,
  tenantClosed,
  tenantWithStaff,
  USERS,
} from '#testing/tenant-facts';
import { addTeamMember, MAX_TEAMS_PER_MEMBER, removeTeamMember } from './decide-teams';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';

const { given } = specificationOf(tenantFold);

const { owner, admin, member, stranger } = USERS;
const ADMINS = ['owner', 'admin'] as const;
const OTHERS = ['member', 'auditor'] as const;
const add =
  (userId: string, { by = owner as string, teamId = 'sales' } = {}) =>
  (tenant: Tenant) =>
    addTeamMember({ by, teamId, userId }, tenant);
const removeUser =
  (userId: string, { by = owner as string, teamId = 'sales' } = {}) =>
  (tenant: Tenant) =>
    removeTeamMember({ by, teamId, userId }, tenant);
const deleted: TenantEvent = { type: 'TeamDeleted', data: { teamId: 'sales' } };
/** The team has the version 5. */
const withSales = [...tenantWithStaff, teamCreated('sales', 'Sales')];
const withSalesAndSupport = [...withSales, teamCreated('support', 'Support')];

describe('adding a member to a team', () => {
  it.each(['owner', 'admin', 'member', 'auditor'] as const)('works for a member with the role %s', (role) =>
    given(...withSales)
      .when(add(USERS[role]))
      .thenHappened(teamMemberAdded('sales', USERS[role])),
  );
  it('is allowed to an admin, too', () =>
    given(...withSales)
      .when(add(member, { by: admin }))
      .thenHappened(teamMemberAdded('sales', member)));
  it.each(OTHERS)('is forbidden to the role %s, even for the user who sends it', (role) =>
    given(...withSales)
      .when(add(USERS[role], { by: USERS[role] }))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(...withSales)
      .when(add(member, { by: stranger }))
      .thenRefused('not-found'));
  it('adds no event for a member of the team', () =>
    given(...withSales, teamMemberAdded('sales', member))
      .when(add(member))
      .thenNothing());
  it('is refused with not-found for a user who is not a member of the tenant', () =>
    given(...withSales)
      .when(add(stranger))
      .thenRefused('not-found', 'There is no such member.'));
  it('is refused with not-found for a user who was removed from the tenant', () =>
    given(...withSales, memberRemoved(member))
      .when(add(member))
      .thenRefused('not-found'));
  it('is refused with not-found if there is no such team', () =>
    given(...tenantWithStaff)
      .when(add(member))
      .thenRefused('not-found'));
  it('is refused with not-found if the tenant is closed', () =>
    given(...withSales, tenantClosed)
      .when(add(member))
      .thenRefused('not-found'));

  const teams = Array.from({ length: MAX_TEAMS_PER_MEMBER }, (_, at) => `team-${at}`);
  const inMaxTeams = [
    ...withSales,
    ...teams.flatMap((teamId) => [teamCreated(teamId, teamId), teamMemberAdded(teamId, member)]),
  ];
  it('is refused for a member who is in the highest number of teams', () =>
    given(...inMaxTeams)
      .when(add(member))
      .thenRefused('conflict', 'A member can be in at most 250 teams.'));
  it('works for other members then', () =>
    given(...inMaxTeams)
      .when(add(admin))
      .thenHappened(teamMemberAdded('sales', admin)));
  it('adds no event then for a member of the team', () =>
    given(...inMaxTeams)
      .when(add(member, { teamId: 'team-0' }))
      .thenNothing());
});

describe('removing a member from a team', () => {
  const withMember = [...withSalesAndSupport, teamMemberAdded('sales', member)];
  it.each(ADMINS)('is allowed to the role %s', (role) =>
    given(...withMember)
      .when(removeUser(member, { by: USERS[role] }))
      .thenHappened(teamMemberRemoved('sales', member)),
  );
  it.each(OTHERS)('is forbidden to the role %s', (role) =>
    given(...withMember)
      .when(removeUser(member, { by: USERS[role] }))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found for a member who is not in the team', () =>
    given(...withMember)
      .when(removeUser(admin))
      .thenRefused('not-found', 'There is no such member of the team.'));
  it('is refused with not-found for a member of another team', () =>
    given(...withMember)
      .when(removeUser(member, { teamId: 'support' }))
      .thenRefused('not-found'));
  it('is refused with not-found a second time', () =>
    given(...withMember, teamMemberRemoved('sales', member))
      .when(removeUser(member))
      .thenRefused('not-found'));
  it('is refused with not-found if the team was deleted', () =>
    given(...withMember, deleted)
      .when(removeUser(member))
      .thenRefused('not-found'));
  it('is refused with not-found if the sender is not a member', () =>
    given(...withMember)
      .when(removeUser(member, { by: stranger }))
      .thenRefused('not-found'));
  it('is refused with not-found if the tenant is closed', () =>
    given(...withMember, tenantClosed)
      .when(removeUser(member))
      .thenRefused('not-found'));
});

it('a new team with the name of a deleted team has none of its members', () =>
  given(...withSales, teamMemberAdded('sales', member), deleted, teamCreated('new', 'Sales'))
    .when(removeUser(member, { teamId: 'new' }))
    .thenRefused('not-found'));
