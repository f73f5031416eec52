import { join } from 'node:path';
import { defineProjection } from '../define-projection';

const tables = {
  plan_terms: {
    key: ['tenant_id'],
    columns: { tenant_id: 'uuid', plan: 'text', version: 'integer', limits: 'jsonb', features: 'jsonb' },
  },
  plan_units: {
    key: ['tenant_id', 'unit_id'],
    columns: { tenant_id: 'uuid', unit_id: 'uuid', scope_id: 'uuid', command_id: 'uuid' },
  },
  plan_counts: {
    key: ['tenant_id'],
    columns: { tenant_id: 'uuid', seats: 'integer', teams: 'integer', projects: 'integer' },
    sums: true,
  },
  plan_tasks: {
    key: ['tenant_id', 'project_id'],
    columns: { tenant_id: 'uuid', project_id: 'uuid', tasks: 'integer' },
    sums: true,
  },
} as const;

/**
 * The plan of each tenant and its use: the units that limits apply to, and their numbers, which are stored so that
 * reading them takes the same time for a tenant of any size. A reservation counts until the unit that it was made for
 * is here.
 */
export const planLimitsProjection = defineProjection({
  name: 'plan-limits',
  version: 2,
  schema: join(__dirname, 'schema.sql'),
  tables,
  leavesAlone: [
    'tenant.invitations',
    'tenant.subscription',
    'tenant.payments',
    'tenant.lock',
    'project.details',
    'task.details',
    'user',
    'session',
    'operators',
    'refusals',
    'TenantRenamed',
    'TenantClosed',
    'MemberRoleChanged',
    'OwnershipTransferred',
    'TeamRenamed',
    'TeamMemberAdded',
    'TeamMemberRemoved',
  ],
  on: {
    PlanChanged: ({ stream, data: { terms } }, rows) => {
      rows.plan_terms.put({
        tenant_id: stream.tenantId,
        plan: terms.plan,
        version: terms.version,
        limits: JSON.stringify(terms.limits),
        features: JSON.stringify(terms.features),
      });
    },
    ProjectCreated: ({ stream: { tenantId, id }, commandId }, rows) => {
      rows.plan_units.put({ tenant_id: tenantId, unit_id: id, scope_id: tenantId, command_id: commandId });
      rows.plan_counts.add({ tenant_id: tenantId }, { projects: 1 });
    },
    ProjectArchived: ({ stream: { tenantId, id } }, rows) => {
      rows.plan_units.remove({ tenant_id: tenantId, unit_id: id });
      rows.plan_counts.add({ tenant_id: tenantId }, { projects: -1 });
    },
    ProjectRestored: ({ stream: { tenantId, id }, commandId }, rows) => {
      rows.plan_units.put({ tenant_id: tenantId, unit_id: id, scope_id: tenantId, command_id: commandId });
      rows.plan_counts.add({ tenant_id: tenantId }, { projects: 1 });
    },
    TaskCreated: ({ stream: { tenantId, id }, commandId, data }, rows) => {
      rows.plan_units.put({ tenant_id: tenantId, unit_id: id, scope_id: data.projectId, command_id: commandId });
      rows.plan_tasks.add({ tenant_id: tenantId, project_id: data.projectId }, { tasks: 1 });
    },
    TaskDeleted: ({ stream: { tenantId, id }, data }, rows) => {
      rows.plan_units.remove({ tenant_id: tenantId, unit_id: id });
      rows.plan_tasks.add({ tenant_id: tenantId, project_id: data.projectId }, { tasks: -1 });
    },
    TenantCreated: ({ stream }, rows) => {
      // The seat of the owner.
      rows.plan_counts.add({ tenant_id: stream.tenantId }, { seats: 1 });
    },
    MemberJoined: ({ stream }, rows) => {
      rows.plan_counts.add({ tenant_id: stream.tenantId }, { seats: 1 });
    },
    MemberRemoved: ({ stream }, rows) => {
      rows.plan_counts.add({ tenant_id: stream.tenantId }, { seats: -1 });
    },
    TeamCreated: ({ stream }, rows) => {
      rows.plan_counts.add({ tenant_id: stream.tenantId }, { teams: 1 });
    },
    TeamDeleted: ({ stream }, rows) => {
      rows.plan_counts.add({ tenant_id: stream.tenantId }, { teams: -1 });
    },
  },
});
