import { join } from 'node:path';
import { defineProjection } from '#projecting/projection';
import type { TaskEvent } from './events';

const tables = {
  tasks: {
    key: ['tenant_id', 'task_id'],
    columns: {
      tenant_id: 'uuid',
      task_id: 'uuid',
      project_id: 'uuid',
      assignee_id: 'uuid',
      title: 'text',
      state: 'text',
      added_at: 'timestamptz',
      version: 'integer',
    },
  },
} as const;

/** A read model like those of the product: one row for each aggregate, a key, an index, row-level security. */
export const tasksProjection = defineProjection<TaskEvent, typeof tables>({
  name: 'tasks',
  version: 1,
  schema: join(__dirname, 'schema.sql'),
  tables,
  on: {
    TaskAdded: ({ stream, data, version, recordedAt }, rows) => {
      rows.tasks.put({
        tenant_id: stream.tenantId,
        task_id: stream.id,
        project_id: data.projectId,
        assignee_id: data.assigneeId,
        title: data.title,
        state: 'open',
        added_at: recordedAt.toISOString(),
        version,
      });
    },
    TaskMoved: ({ stream, data, version }, rows) => {
      rows.tasks.patch({ tenant_id: stream.tenantId, task_id: stream.id }, { state: data.state, version });
    },
  },
});
