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
import { NO_LIMITS } from '../limits';
import { createTeam, deleteTeam, renameTeam } from './decide-teams';
import type { TenantEvent } from './events';
import { type Tenant, tenantFold } from './evolve';

const { given } = specificationOf(tenantFold);

const { owner, admin, member, stranger } = USERS;
const ADMINS = ['owner', 'admin'] as const;
const OTHERS = ['member', 'auditor'] as const;

const limitedTo = (teams: number | null) => ({ ...NO_LIMITS, teams });
const create =
  (name: string, { by = owner as string, teamId = 'new', teams = null as number | null } = {}) =>
  (tenant: Tenant) =>
    createTeam({ by, teamId, name }, limitedTo(teams), tenant);
const rename =
  (name: string, { by = owner as string, teamId = 'sales', requiredVersion = undefined as number | undefined } = {}) =>
  (tenant: Tenant) =>
    renameTeam({ by, teamId, name }, tenant, requiredVersion);
const remove =
  ({ by = owner as string, teamId = 'sales', requiredVersion = undefined as number | undefined } = {}) =>
  (tenant: Tenant) =>
    deleteTeam({ by, teamId }, tenant, requiredVersion);

const renamed = (name: string, teamId = 'sales'): TenantEvent => ({ type: 'TeamRenamed', data: { teamId, name } });
const deleted: TenantEvent = { type: 'TeamDeleted', data: { teamId: 'sales' } };
/** The team has the version 5. */
const withSales = [...tenantWithStaff, teamCreated('sales', 'Sales')];
const withSalesAndSupport = [...withSales, teamCreated('support', 'Support')];

describe('creating a team', () => {
  it.each(ADMINS)('is allowed to the role %s', (role) =>
    given(...tenantWithStaff)
      .when(create('Sales', { by: USERS[role] }))
      .thenHappened(teamCreated('new', 'Sales')),
  );
  it.each(OTHERS)('is forbidden to the role %s', (role) =>
    given(...tenantWithStaff)
      .when(create('Sales', { by: USERS[role] }))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(...tenantWithStaff)
      .when(create('Sales', { by: stranger }))
      .thenRefused('not-found'));
  it('is refused with not-found if the tenant is closed', () =>
    given(...tenantWithStaff, tenantClosed)
      .when(create('Sales'))
      .thenRefused('not-found'));
  it.each(['Sales', 'sales', 'SALES'])('is refused with the name %s if there is a team Sales', (name) =>
    given(...withSales)
      .when(create(name))
      .thenRefused('conflict', 'Another team has this name. Choose another name.'),
  );
  it('accepts the earlier name of a team that was deleted or renamed', () => {
    given(...withSales, deleted)
      .when(create('Sales'))
      .thenHappened(teamCreated('new', 'Sales'));
    given(...withSales, renamed('Marketing'))
      .when(create('Sales'))
      .thenHappened(teamCreated('new', 'Sales'));
  });
  it('is refused with the id of a team that exists', () =>
    given(...withSales)
      .when(create('Support', { teamId: 'sales' }))
      .thenRefused('conflict', 'A team with this id already exists.'));
  it('is allowed up to the limit of the plan', () =>
    given(...withSales)
      .when(create('Support', { teams: 2 }))
      .thenHappened(teamCreated('new', 'Support')));
  it('is refused beyond the limit of the plan', () =>
    given(...withSales)
      .when(create('Support', { teams: 1 }))
      .thenRefused('plan-limit-reached'));
  it('is allowed again after another team was deleted', () =>
    given(...withSales, deleted)
      .when(create('Support', { teams: 1 }))
      .thenHappened(teamCreated('new', 'Support')));
});

describe('renaming a team', () => {
  it.each(ADMINS)('is allowed to the role %s', (role) =>
    given(...withSales)
      .when(rename('Marketing', { by: USERS[role] }))
      .thenHappened(renamed('Marketing')),
  );
  it.each(OTHERS)('is forbidden to the role %s', (role) =>
    given(...withSales)
      .when(rename('Marketing', { by: USERS[role] }))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(...withSales)
      .when(rename('Marketing', { by: stranger }))
      .thenRefused('not-found'));
  it('adds no event for the present name', () =>
    given(...withSales)
      .when(rename('Sales'))
      .thenNothing());
  it('adds an event for the present name in capitals', () =>
    given(...withSales)
      .when(rename('SALES'))
      .thenHappened(renamed('SALES')));
  it.each(['sUPPORT', ' Support', 'Support\u00a0', 'Sup\u200bport', 'Sup\u00adport', '\uff33upport'])(
    'is refused with %j, which has the same normal form as the name of another team',
    (name) =>
      given(...withSalesAndSupport)
        .when(rename(name))
        .thenRefused('conflict'),
  );
  it.each(['Customer  \t Care', 'CUSTOMER CARE'])('is refused with %j if there is a team Customer Care', (name) =>
    given(...withSales, teamCreated('care', 'Customer Care'))
      .when(rename(name))
      .thenRefused('conflict'),
  );
  it.each(['CustomerCare', 'Customer Café'])('accepts %j beside a team Customer Care', (name) =>
    given(...withSales, teamCreated('care', 'Customer Care'))
      .when(rename(name))
      .thenHappened(renamed(name)),
  );
  it('is refused with not-found if there is no such team', () =>
    given(...tenantWithStaff)
      .when(rename('Marketing'))
      .thenRefused('not-found', 'There is no such team.'));
  it('is refused with not-found if the team was deleted', () =>
    given(...withSales, deleted)
      .when(rename('Marketing'))
      .thenRefused('not-found'));
  it('is refused with not-found if the tenant is closed', () =>
    given(...withSales, tenantClosed)
      .when(rename('Marketing'))
      .thenRefused('not-found'));
  it('accepts the version of the team, whatever else has happened since then', () =>
    given(...withSalesAndSupport, teamMemberAdded('support', member), memberRemoved(admin))
      .when(rename('Marketing', { requiredVersion: 5 }))
      .thenHappened(renamed('Marketing')));
  it.each([
    ['name', renamed('Other')],
    ['new member', teamMemberAdded('sales', member)],
  ])('is refused with a version from before the last %s', (_, fact) =>
    given(...withSales, fact)
      .when(rename('Marketing', { requiredVersion: 5 }))
      .thenRefused('precondition-failed'),
  );
  it('is refused with a version from before a member was removed', () =>
    given(...withSales, teamMemberAdded('sales', member), teamMemberRemoved('sales', member))
      .when(rename('Marketing', { requiredVersion: 6 }))
      .thenRefused('precondition-failed'));
  it('is refused with not-found with any version if there is no such team', () =>
    given(...tenantWithStaff)
      .when(rename('Marketing', { requiredVersion: 5 }))
      .thenRefused('not-found'));
});

describe('deleting a team', () => {
  it.each(ADMINS)('is allowed to the role %s', (role) =>
    given(...withSales)
      .when(remove({ by: USERS[role] }))
      .thenHappened(deleted),
  );
  it.each(OTHERS)('is forbidden to the role %s', (role) =>
    given(...withSales)
      .when(remove({ by: USERS[role] }))
      .thenRefused('forbidden'),
  );
  it('is refused with not-found if the sender is not a member', () =>
    given(...withSales)
      .when(remove({ by: stranger }))
      .thenRefused('not-found'));
  it('is refused with not-found a second time', () =>
    given(...withSales, deleted)
      .when(remove())
      .thenRefused('not-found'));
  it('works with the version of the team', () =>
    given(...withSalesAndSupport)
      .when(remove({ requiredVersion: 5 }))
      .thenHappened(deleted));
  it('is refused with an earlier version', () =>
    given(...withSales, renamed('Marketing'))
      .when(remove({ requiredVersion: 5 }))
      .thenRefused('precondition-failed'));
  it('is refused with not-found if the tenant is closed', () =>
    given(...withSales, tenantClosed)
      .when(remove())
      .thenRefused('not-found'));
});
