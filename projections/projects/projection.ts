import { join } from 'node:path';
import type { DomainEvent } from '../../libs/domain/events';
import { defineProjection } from '../../libs/projecting/projection';

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

/** A company's projects as its members see them. */
export const projectsProjection = defineProjection<DomainEvent, typeof tables>({
  name: 'projects',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
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
    TenantCreated: 'ignored',
    TenantRenamed: 'ignored',
    TenantClosed: 'ignored',
    MemberInvited: 'ignored',
    InvitationRevoked: 'ignored',
    MemberJoined: 'ignored',
    MemberRoleChanged: 'ignored',
    MemberRemoved: 'ignored',
    OwnershipTransferred: 'ignored',
    TeamCreated: 'ignored',
    TeamRenamed: 'ignored',
    TeamDeleted: 'ignored',
    TeamMemberAdded: 'ignored',
    TeamMemberRemoved: 'ignored',
    PlanChanged: 'ignored',
    SubscriptionStarted: 'ignored',
    SubscriptionUpdated: 'ignored',
    SubscriptionCanceled: 'ignored',
    SeatsChanged: 'ignored',
    PaymentFailed: 'ignored',
    PaymentSucceeded: 'ignored',
    PaymentForgiven: 'ignored',
    PaymentDisputed: 'ignored',
    WorkspaceLocked: 'ignored',
    WorkspaceSuspended: 'ignored',
    WorkspaceUnlocked: 'ignored',
    BillingDriftRepaired: 'ignored',
    OperationRefused: 'ignored',
    PersonRegistered: 'ignored',
    PersonErased: 'ignored',
    TaskCreated: 'ignored',
    TaskDescribed: 'ignored',
    TaskStatusChanged: 'ignored',
    TaskAssigned: 'ignored',
    TaskUnassigned: 'ignored',
    TaskDueDateChanged: 'ignored',
    TaskDeleted: 'ignored',
    TenantErased: 'ignored',
  },
});
