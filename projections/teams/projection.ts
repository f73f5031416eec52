import { join } from 'node:path';
import type { DomainEvent } from '../../libs/domain/events';
import { defineProjection } from '../../libs/projecting/projection';

const tables = {
  teams: {
    key: ['tenant_id', 'team_id'],
    columns: { tenant_id: 'uuid', team_id: 'uuid', name: 'text', version: 'integer' },
  },
  team_members: {
    key: ['tenant_id', 'team_id', 'person_id'],
    columns: { tenant_id: 'uuid', team_id: 'uuid', person_id: 'uuid' },
  },
} as const;

/** Teams and who is in them. */
export const teamsProjection = defineProjection<DomainEvent, typeof tables>({
  name: 'teams',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  on: {
    TenantCreated: 'ignored',
    TenantRenamed: 'ignored',
    TenantClosed: 'ignored',
    MemberInvited: 'ignored',
    InvitationRevoked: 'ignored',
    MemberJoined: 'ignored',
    MemberRoleChanged: 'ignored',
    MemberRemoved: 'ignored',
    OwnershipTransferred: 'ignored',
    TeamCreated: ({ stream, data, version }, rows) => {
      rows.teams.put({ tenant_id: stream.tenantId, team_id: data.teamId, name: data.name, version });
    },
    TeamRenamed: ({ stream, data, version }, rows) => {
      rows.teams.patch({ tenant_id: stream.tenantId, team_id: data.teamId }, { name: data.name, version });
    },
    TeamDeleted: ({ stream, data }, rows) => {
      // Anyone who was in it is so to nobody's eyes: ids of teams do not come again.
      rows.teams.remove({ tenant_id: stream.tenantId, team_id: data.teamId });
    },
    TeamMemberAdded: ({ stream, data, version }, rows) => {
      rows.teams.patch({ tenant_id: stream.tenantId, team_id: data.teamId }, { version });
      rows.team_members.put({ tenant_id: stream.tenantId, team_id: data.teamId, person_id: data.personId });
    },
    TeamMemberRemoved: ({ stream, data, version }, rows) => {
      rows.teams.patch({ tenant_id: stream.tenantId, team_id: data.teamId }, { version });
      rows.team_members.remove({ tenant_id: stream.tenantId, team_id: data.teamId, person_id: data.personId });
    },
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
    ProjectCreated: 'ignored',
    ProjectChanged: 'ignored',
    ProjectArchived: 'ignored',
    ProjectRestored: 'ignored',
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
