import { join } from 'node:path';
import { defineProjection } from '../define-projection';

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

const UNASSIGNED = { assignee_id: null, assigned_version: null, assigned_position: null };

interface EventPosition {
  readonly version: number;
  readonly position: bigint;
}

const assignedTo = (assigneeId: string | null, { version, position }: EventPosition) =>
  assigneeId === null
    ? UNASSIGNED
    : { assignee_id: assigneeId, assigned_version: version, assigned_position: position };

/** The tasks of a tenant as its members see them. */
export const tasksProjection = defineProjection({
  name: 'tasks',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  leavesAlone: ['tenant', 'project', 'user', 'session', 'operators', 'refusals'],
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
      rows.tasks.patch({ tenant_id: stream.tenantId, task_id: stream.id }, { ...UNASSIGNED, version });
    },
    TaskDueDateChanged: ({ stream, data: { dueOn }, version }, rows) => {
      rows.tasks.patch({ tenant_id: stream.tenantId, task_id: stream.id }, { due_on: dueOn, version });
    },
    TaskDeleted: ({ stream }, rows) => {
      rows.tasks.remove({ tenant_id: stream.tenantId, task_id: stream.id });
    },
  },
});
