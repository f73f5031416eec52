import { join } from 'node:path';
import { defineProjection } from '../define-projection';

const tables = {
  teams: {
    key: ['tenant_id', 'team_id'],
    columns: { tenant_id: 'uuid', team_id: 'uuid', name: 'text', version: 'integer' },
  },
  team_members: {
    key: ['tenant_id', 'team_id', 'user_id'],
    columns: { tenant_id: 'uuid', team_id: 'uuid', user_id: 'uuid' },
  },
} as const;

/** The teams of a tenant and their members. */
export const teamsProjection = defineProjection({
  name: 'teams',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  leavesAlone: [
    'tenant.workspace',
    'tenant.members',
    'tenant.invitations',
    'tenant.plan',
    'tenant.subscription',
    'tenant.payments',
    'tenant.lock',
    'project',
    'task',
    'user',
    'session',
    'operators',
    'refusals',
  ],
  on: {
    TeamCreated: ({ stream, data, version }, rows) => {
      rows.teams.put({ tenant_id: stream.tenantId, team_id: data.teamId, name: data.name, version });
    },
    TeamRenamed: ({ stream, data, version }, rows) => {
      rows.teams.patch({ tenant_id: stream.tenantId, team_id: data.teamId }, { name: data.name, version });
    },
    TeamDeleted: ({ stream, data }, rows) => {
      // The rows of its members stay. Queries read them only with their team, and the id of a team is never used again.
      rows.teams.remove({ tenant_id: stream.tenantId, team_id: data.teamId });
    },
    TeamMemberAdded: ({ stream, data, version }, rows) => {
      rows.teams.patch({ tenant_id: stream.tenantId, team_id: data.teamId }, { version });
      rows.team_members.put({ tenant_id: stream.tenantId, team_id: data.teamId, user_id: data.userId });
    },
    TeamMemberRemoved: ({ stream, data, version }, rows) => {
      rows.teams.patch({ tenant_id: stream.tenantId, team_id: data.teamId }, { version });
      rows.team_members.remove({ tenant_id: stream.tenantId, team_id: data.teamId, user_id: data.userId });
    },
  },
});
