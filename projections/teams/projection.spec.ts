import type { TenantEvent } from '#domain/tenant/events';
import { project, recorded } from '#testing/given-when-then';
import { teamCreated, teamMemberAdded, teamMemberRemoved, USERS } from '#testing/tenant-facts';
import { teamsProjection } from './projection';

const tenant_id = '01a20000-0000-7000-8000-0000000000ff';
const team_id = '01a20000-0000-7000-8000-0000000000aa';
const at = (version: number, event: TenantEvent) =>
  recorded({ ...event, stream: { tenantId: tenant_id, aggregate: 'tenant', id: tenant_id }, version });

const { member, admin } = USERS;
const created = at(2, teamCreated(team_id, 'Sales'));
const renamed = at(3, { type: 'TeamRenamed', data: { teamId: team_id, name: 'Marketing' } });
const added = at(4, teamMemberAdded(team_id, member));
const removed = at(5, teamMemberRemoved(team_id, member));
const deleted = at(6, { type: 'TeamDeleted', data: { teamId: team_id } });

const row = { tenant_id, team_id, name: 'Sales', version: 2 };

describe('the teams read model', () => {
  it('has a row for each team', () => project(teamsProjection, created).thenRows('teams', row));
  it('shows the last name and the version of the rename', () =>
    project(teamsProjection, created, renamed).thenRows('teams', { ...row, name: 'Marketing', version: 3 }));
  it('changes a row that was made in an earlier batch', () =>
    project(teamsProjection, renamed).thenPatched('teams', { tenant_id, team_id }, { name: 'Marketing', version: 3 }));
  it('has a row for each member of a team', () =>
    project(teamsProjection, created, added, at(5, teamMemberAdded(team_id, admin))).thenRows(
      'team_members',
      { tenant_id, team_id, user_id: member },
      { tenant_id, team_id, user_id: admin },
    ));
  it('shows a new version of the team after its members have changed', () => {
    project(teamsProjection, created, added).thenRows('teams', { ...row, version: 4 });
    project(teamsProjection, created, added, removed).thenRows('teams', { ...row, version: 5 });
  });
  it('has no row for a member who was removed', () =>
    project(teamsProjection, created, added, removed).thenRemoved('team_members', {
      tenant_id,
      team_id,
      user_id: member,
    }));
  it('has no team that was deleted', () =>
    project(teamsProjection, created, deleted).thenRemoved('teams', { tenant_id, team_id }));
});
