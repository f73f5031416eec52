import { specificationOf } from '#testing/given-when-then';
import {
  memberRemoved,
  PEOPLE,
  staffed,
  teamCreated,
  teamMemberAdded,
  teamMemberRemoved,
  tenantClosed,
} from '#testing/tenant-facts';
import { NO_LIMITS } from '../limits';
import { addTeamMember, createTeam, deleteTeam, MAX_TEAMS_OF_ONE, removeTeamMember, renameTeam } from './decide-teams';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';

const { given } = specificationOf(tenantFold);

const { owner, admin, member, stranger } = PEOPLE;
const ADMINS = ['owner', 'admin'] as const;
const OTHERS = ['member', 'auditor'] as const;

const limitedTo = (teams: number | null) => ({ ...NO_LIMITS, teams });
const create =
  (name: string, { by = owner as string, teamId = 'new', teams = null as number | null } = {}) =>
  (tenant: Tenant) =>
    createTeam({ by, teamId, name }, limitedTo(teams), tenant);
const rename =
  (name: string, { by = owner as string, teamId = 'sales', seen = undefined as number | undefined } = {}) =>
  (tenant: Tenant) =>
    renameTeam({ by, teamId, name }, tenant, seen);
const remove =
  ({ by = owner as string, teamId = 'sales', seen = undefined as number | undefined } = {}) =>
  (tenant: Tenant) =>
    deleteTeam({ by, teamId }, tenant, seen);
const add =
  (userId: string, { by = owner as string, teamId = 'sales' } = {}) =>
  (tenant: Tenant) =>
    addTeamMember({ by, teamId, userId }, tenant);
const takeOut =
  (userId: string, { by = owner as string, teamId = 'sales' } = {}) =>
  (tenant: Tenant) =>
    removeTeamMember({ by, teamId, userId }, tenant);

const renamed = (name: string, teamId = 'sales'): TenantEvent => ({ type: 'TeamRenamed', data: { teamId, name } });
const deleted: TenantEvent = { type: 'TeamDeleted', data: { teamId: 'sales' } };
/** The team is of version 5. */
const withSales = [...staffed, teamCreated('sales', 'Sales')];
const withBoth = [...withSales, teamCreated('support', 'Support')];

describe('creating a team', () => {
  it.each(ADMINS)('is for somebody who is %s', (role) =>
    given(...staffed)
      .when(create('Sales', { by: PEOPLE[role] }))
      .thenHappened(teamCreated('new', 'Sales')),
  );
  it.each(OTHERS)('is not for somebody who is %s', (role) =>
    given(...staffed)
      .when(create('Sales', { by: PEOPLE[role] }))
      .thenRefused('forbidden'),
  );
  it('is not found by somebody who does not belong to the tenant', () =>
    given(...staffed)
      .when(create('Sales', { by: stranger }))
      .thenRefused('not-found'));
  it('is not found where the tenant is closed', () =>
    given(...staffed, tenantClosed)
      .when(create('Sales'))
      .thenRefused('not-found'));
  it.each(['Sales', 'sales', 'SALES'])('is refused as %s where there is a team Sales', (name) =>
    given(...withSales)
      .when(create(name))
      .thenRefused('conflict'),
  );
  it('takes the name of one that was deleted, or renamed', () => {
    given(...withSales, deleted)
      .when(create('Sales'))
      .thenHappened(teamCreated('new', 'Sales'));
    given(...withSales, renamed('Marketing'))
      .when(create('Sales'))
      .thenHappened(teamCreated('new', 'Sales'));
  });
  it('is refused under the id of one that there is', () =>
    given(...withSales)
      .when(create('Support', { teamId: 'sales' }))
      .thenRefused('conflict'));
  it('is within what the plan allows', () =>
    given(...withSales)
      .when(create('Support', { teams: 2 }))
      .thenHappened(teamCreated('new', 'Support')));
  it('is refused beyond what the plan allows', () =>
    given(...withSales)
      .when(create('Support', { teams: 1 }))
      .thenRefused('plan-limit-reached'));
  it('is possible again where one was deleted', () =>
    given(...withSales, deleted)
      .when(create('Support', { teams: 1 }))
      .thenHappened(teamCreated('new', 'Support')));
});

describe('renaming a team', () => {
  it.each(ADMINS)('is for somebody who is %s', (role) =>
    given(...withSales)
      .when(rename('Marketing', { by: PEOPLE[role] }))
      .thenHappened(renamed('Marketing')),
  );
  it.each(OTHERS)('is not for somebody who is %s', (role) =>
    given(...withSales)
      .when(rename('Marketing', { by: PEOPLE[role] }))
      .thenRefused('forbidden'),
  );
  it('is not found by somebody who does not belong to the tenant', () =>
    given(...withSales)
      .when(rename('Marketing', { by: stranger }))
      .thenRefused('not-found'));
  it('to its name is nothing', () =>
    given(...withSales)
      .when(rename('Sales'))
      .thenNothing());
  it('to its name in capitals is a fact', () =>
    given(...withSales)
      .when(rename('SALES'))
      .thenHappened(renamed('SALES')));
  it.each(['sUPPORT', ' Support', 'Support\u00a0'])('to %j, which looks like the name of another, is refused', (name) =>
    given(...withBoth)
      .when(rename(name))
      .thenRefused('conflict'),
  );
  it('that is not there is not found', () =>
    given(...staffed)
      .when(rename('Marketing'))
      .thenRefused('not-found'));
  it('that was deleted is not found', () =>
    given(...withSales, deleted)
      .when(rename('Marketing'))
      .thenRefused('not-found'));
  it('is not found where the tenant is closed', () =>
    given(...withSales, tenantClosed)
      .when(rename('Marketing'))
      .thenRefused('not-found'));
  it('goes by the version of that team, whatever else has happened since', () =>
    given(...withBoth, teamMemberAdded('support', member), memberRemoved(admin))
      .when(rename('Marketing', { seen: 5 }))
      .thenHappened(renamed('Marketing')));
  it.each([
    ['name', renamed('Other')],
    ['new member', teamMemberAdded('sales', member)],
  ])('under a version before its last %s is refused', (_, fact) =>
    given(...withSales, fact)
      .when(rename('Marketing', { seen: 5 }))
      .thenRefused('precondition-failed'),
  );
  it('under a version before somebody was taken out is refused', () =>
    given(...withSales, teamMemberAdded('sales', member), teamMemberRemoved('sales', member))
      .when(rename('Marketing', { seen: 6 }))
      .thenRefused('precondition-failed'));
  it('that is not there is not found, whatever the version', () =>
    given(...staffed)
      .when(rename('Marketing', { seen: 5 }))
      .thenRefused('not-found'));
});

describe('deleting a team', () => {
  it.each(ADMINS)('is for somebody who is %s', (role) =>
    given(...withSales)
      .when(remove({ by: PEOPLE[role] }))
      .thenHappened(deleted),
  );
  it.each(OTHERS)('is not for somebody who is %s', (role) =>
    given(...withSales)
      .when(remove({ by: PEOPLE[role] }))
      .thenRefused('forbidden'),
  );
  it('is not found by somebody who does not belong to the tenant', () =>
    given(...withSales)
      .when(remove({ by: stranger }))
      .thenRefused('not-found'));
  it('twice is not found', () =>
    given(...withSales, deleted)
      .when(remove())
      .thenRefused('not-found'));
  it('under its version works', () =>
    given(...withBoth)
      .when(remove({ seen: 5 }))
      .thenHappened(deleted));
  it('under an old version is refused', () =>
    given(...withSales, renamed('Marketing'))
      .when(remove({ seen: 5 }))
      .thenRefused('precondition-failed'));
  it('is not found where the tenant is closed', () =>
    given(...withSales, tenantClosed)
      .when(remove())
      .thenRefused('not-found'));
});

describe('putting somebody into a team', () => {
  it.each(['owner', 'admin', 'member', 'auditor'] as const)('works with somebody who is %s', (role) =>
    given(...withSales)
      .when(add(PEOPLE[role]))
      .thenHappened(teamMemberAdded('sales', PEOPLE[role])),
  );
  it('is for admins too', () =>
    given(...withSales)
      .when(add(member, { by: admin }))
      .thenHappened(teamMemberAdded('sales', member)));
  it.each(OTHERS)('is not for somebody who is %s, themselves neither', (role) =>
    given(...withSales)
      .when(add(PEOPLE[role], { by: PEOPLE[role] }))
      .thenRefused('forbidden'),
  );
  it('is not found by somebody who does not belong to the tenant', () =>
    given(...withSales)
      .when(add(member, { by: stranger }))
      .thenRefused('not-found'));
  it('who is in it already is nothing', () =>
    given(...withSales, teamMemberAdded('sales', member))
      .when(add(member))
      .thenNothing());
  it('who does not belong to the tenant is not found', () =>
    given(...withSales)
      .when(add(stranger))
      .thenRefused('not-found'));
  it('who was removed from the tenant is not found', () =>
    given(...withSales, memberRemoved(member))
      .when(add(member))
      .thenRefused('not-found'));
  it('that is not there is not found', () =>
    given(...staffed)
      .when(add(member))
      .thenRefused('not-found'));
  it('is not found where the tenant is closed', () =>
    given(...withSales, tenantClosed)
      .when(add(member))
      .thenRefused('not-found'));

  const teams = Array.from({ length: MAX_TEAMS_OF_ONE }, (_, at) => `team-${at}`);
  const inMany = [
    ...withSales,
    ...teams.flatMap((teamId) => [teamCreated(teamId, teamId), teamMemberAdded(teamId, member)]),
  ];
  it('is refused once they are in as many as anybody can be', () =>
    given(...inMany)
      .when(add(member))
      .thenRefused('conflict'));
  it('is possible for the others then', () =>
    given(...inMany)
      .when(add(admin))
      .thenHappened(teamMemberAdded('sales', admin)));
  it('who is in it already is nothing also then', () =>
    given(...inMany)
      .when(add(member, { teamId: 'team-0' }))
      .thenNothing());
});

describe('taking somebody out of a team', () => {
  const withMember = [...withBoth, teamMemberAdded('sales', member)];
  it.each(ADMINS)('is for somebody who is %s', (role) =>
    given(...withMember)
      .when(takeOut(member, { by: PEOPLE[role] }))
      .thenHappened(teamMemberRemoved('sales', member)),
  );
  it.each(OTHERS)('is not for somebody who is %s', (role) =>
    given(...withMember)
      .when(takeOut(member, { by: PEOPLE[role] }))
      .thenRefused('forbidden'),
  );
  it('who is not in it is not found', () =>
    given(...withMember)
      .when(takeOut(admin))
      .thenRefused('not-found'));
  it('who is in another is not found', () =>
    given(...withMember)
      .when(takeOut(member, { teamId: 'support' }))
      .thenRefused('not-found'));
  it('twice is not found', () =>
    given(...withMember, teamMemberRemoved('sales', member))
      .when(takeOut(member))
      .thenRefused('not-found'));
  it('that was deleted is not found', () =>
    given(...withMember, deleted)
      .when(takeOut(member))
      .thenRefused('not-found'));
  it('by somebody who does not belong to the tenant is not found', () =>
    given(...withMember)
      .when(takeOut(member, { by: stranger }))
      .thenRefused('not-found'));
  it('is not found where the tenant is closed', () =>
    given(...withMember, tenantClosed)
      .when(takeOut(member))
      .thenRefused('not-found'));
});

it('a team that is made again has none of those who were in the one of its name', () =>
  given(...withSales, teamMemberAdded('sales', member), deleted, teamCreated('new', 'Sales'))
    .when(takeOut(member, { teamId: 'new' }))
    .thenRefused('not-found'));
