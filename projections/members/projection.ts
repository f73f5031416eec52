import { join } from 'node:path';
import type { DomainEvent } from '../../libs/domain/events';
import { defineProjection } from '../../libs/projecting/projection';

const tables = {
  members: {
    key: ['tenant_id', 'person_id'],
    columns: {
      tenant_id: 'uuid',
      person_id: 'uuid',
      role: 'text',
      joined_at: 'timestamptz',
      joined_position: 'bigint',
      version: 'integer',
    },
  },
  memberships: {
    key: ['person_id', 'tenant_id'],
    columns: { person_id: 'uuid', tenant_id: 'uuid', role: 'text', joined_position: 'bigint' },
  },
} as const;

/**
 * Memberships, asked for by company and by person. A table each: of two policies on one table the planner makes an `or`,
 * for which no index is in the order of a list.
 */
export const membersProjection = defineProjection<DomainEvent, typeof tables>({
  name: 'members',
  version: 2,
  schema: join(__dirname, 'schema.sql'),
  tables,
  on: {
    TenantCreated: ({ stream, data, recordedAt, position, version }, rows) => {
      rows.members.put({
        tenant_id: stream.tenantId,
        person_id: data.ownerId,
        role: 'owner',
        joined_at: recordedAt.toISOString(),
        joined_position: position,
        version,
      });
      rows.memberships.put({
        person_id: data.ownerId,
        tenant_id: stream.tenantId,
        role: 'owner',
        joined_position: position,
      });
    },
    TenantRenamed: 'ignored',
    TenantClosed: 'ignored',
    MemberInvited: 'ignored',
    InvitationRevoked: 'ignored',
    MemberJoined: ({ stream, data, recordedAt, position, version }, rows) => {
      rows.members.put({
        tenant_id: stream.tenantId,
        person_id: data.personId,
        role: data.role,
        joined_at: recordedAt.toISOString(),
        joined_position: position,
        version,
      });
      rows.memberships.put({
        person_id: data.personId,
        tenant_id: stream.tenantId,
        role: data.role,
        joined_position: position,
      });
    },
    MemberRoleChanged: ({ stream, data, version }, rows) => {
      rows.members.patch({ tenant_id: stream.tenantId, person_id: data.personId }, { role: data.role, version });
      rows.memberships.patch({ person_id: data.personId, tenant_id: stream.tenantId }, { role: data.role });
    },
    MemberRemoved: ({ stream, data }, rows) => {
      rows.members.remove({ tenant_id: stream.tenantId, person_id: data.personId });
      rows.memberships.remove({ person_id: data.personId, tenant_id: stream.tenantId });
    },
    OwnershipTransferred: ({ stream, data, version }, rows) => {
      rows.members.patch({ tenant_id: stream.tenantId, person_id: data.to }, { role: 'owner', version });
      rows.members.patch({ tenant_id: stream.tenantId, person_id: data.from }, { role: 'admin', version });
      rows.memberships.patch({ person_id: data.to, tenant_id: stream.tenantId }, { role: 'owner' });
      rows.memberships.patch({ person_id: data.from, tenant_id: stream.tenantId }, { role: 'admin' });
    },
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
