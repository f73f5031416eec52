import { join } from 'node:path';
import type { DomainEvent } from '../../libs/domain/events';
import { defineProjection } from '../../libs/projecting/projection';

const tables = {
  tasks: {
    key: ['tenant_id', 'task_id'],
    columns: {
      tenant_id: 'uuid',
      task_id: 'uuid',
      project_id: 'uuid',
      title: 'text',
      description: 'text',
      status: 'text',
      assignee_id: 'uuid',
      assigned_version: 'integer',
      assigned_position: 'bigint',
      due_on: 'date',
      version: 'integer',
    },
  },
} as const;

const NOBODY = { assignee_id: null, assigned_version: null, assigned_position: null };

interface Happened {
  readonly version: number;
  readonly position: bigint;
}

const assignedTo = (assigneeId: string | null, { version, position }: Happened) =>
  assigneeId === null ? NOBODY : { assignee_id: assigneeId, assigned_version: version, assigned_position: position };

/** The tasks of a company's projects as its members see them. */
export const tasksProjection = defineProjection<DomainEvent, typeof tables>({
  name: 'tasks',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  on: {
    TaskCreated: (event, rows) => {
      const { stream, data, version } = event;
      rows.tasks.put({
        tenant_id: stream.tenantId,
        task_id: stream.id,
        project_id: data.projectId,
        title: data.title,
        description: data.description,
        status: 'open',
        ...assignedTo(data.assigneeId, event),
        due_on: data.dueOn,
        version,
      });
    },
    TaskDescribed: ({ stream, data: { title, description }, version }, rows) => {
      rows.tasks.patch({ tenant_id: stream.tenantId, task_id: stream.id }, { title, description, version });
    },
    TaskStatusChanged: ({ stream, data: { status }, version }, rows) => {
      rows.tasks.patch({ tenant_id: stream.tenantId, task_id: stream.id }, { status, version });
    },
    TaskAssigned: (event, rows) => {
      const { stream, data, version } = event;
      const key = { tenant_id: stream.tenantId, task_id: stream.id };
      rows.tasks.patch(key, { ...assignedTo(data.assigneeId, event), version });
    },
    TaskUnassigned: ({ stream, version }, rows) => {
      rows.tasks.patch({ tenant_id: stream.tenantId, task_id: stream.id }, { ...NOBODY, version });
    },
    TaskDueDateChanged: ({ stream, data: { dueOn }, version }, rows) => {
      rows.tasks.patch({ tenant_id: stream.tenantId, task_id: stream.id }, { due_on: dueOn, version });
    },
    TaskDeleted: ({ stream }, rows) => {
      rows.tasks.remove({ tenant_id: stream.tenantId, task_id: stream.id });
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
    ProjectCreated: 'ignored',
    ProjectChanged: 'ignored',
    ProjectArchived: 'ignored',
    ProjectRestored: 'ignored',
    TenantErased: 'ignored',
  },
});
