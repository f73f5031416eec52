import { join } from 'node:path';
import { defineProjection } from '../define-projection';

const tables = {
  projects: {
    key: ['tenant_id', 'project_id'],
    columns: {
      tenant_id: 'uuid',
      project_id: 'uuid',
      name: 'text',
      description: 'text',
      team_id: 'uuid',
      archived: 'boolean',
      version: 'integer',
    },
  },
} as const;

/** The projects of a tenant as its members see them. */
export const projectsProjection = defineProjection({
  name: 'projects',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  leavesAlone: ['tenant', 'task', 'user', 'session', 'operators', 'refusals'],
  on: {
    ProjectCreated: ({ stream, data: { name, description, teamId }, version }, rows) => {
      rows.projects.put({
        tenant_id: stream.tenantId,
        project_id: stream.id,
        name,
        description,
        team_id: teamId,
        archived: false,
        version,
      });
    },
    ProjectChanged: ({ stream, data: { name, description, teamId }, version }, rows) => {
      rows.projects.patch(
        { tenant_id: stream.tenantId, project_id: stream.id },
        { name, description, team_id: teamId, version },
      );
    },
    ProjectArchived: ({ stream, version }, rows) => {
      rows.projects.patch({ tenant_id: stream.tenantId, project_id: stream.id }, { archived: true, version });
    },
    ProjectRestored: ({ stream, version }, rows) => {
      rows.projects.patch({ tenant_id: stream.tenantId, project_id: stream.id }, { archived: false, version });
    },
  },
});
