import type { RecordedEvent } from '#event-log/port';
import { project, recorded } from '#testing/given-when-then';
import { tasksProjection } from './projection';

const tenantId = '01a20000-0000-7000-8000-000000000001';
const [taskId, projectId, ada] = [2, 3, 4].map((n) => `01a20000-0000-7000-8000-00000000000${n}`) as [
  string,
  string,
  string,
];
const stream = { tenantId, aggregate: 'task', id: taskId };
const key = { tenant_id: tenantId, task_id: taskId };

const happened = (version: number, type: string, data: RecordedEvent['data'] = {}) =>
  recorded({ stream, version, position: BigInt(version) * 100n, type, data });

const data = { projectId, title: 'Choose a colour', description: 'Soon', assigneeId: null, dueOn: null };
const created = happened(1, 'TaskCreated', data);
const row = {
  ...key,
  project_id: projectId,
  title: 'Choose a colour',
  description: 'Soon',
  status: 'open',
  assignee_id: null,
  assigned_version: null,
  assigned_position: null,
  due_on: null,
  version: 1,
};

describe('the tasks read model', () => {
  it('has a row for each task, which is open at first', () => project(tasksProjection, created).thenRows('tasks', row));
  it('stores the version and position of the last assignment', () => {
    const assigned = { assignee_id: ada, assigned_version: 1, assigned_position: 100n };
    project(tasksProjection, happened(1, 'TaskCreated', { ...data, assigneeId: ada, dueOn: '2026-02-28' })).thenRows(
      'tasks',
      { ...row, ...assigned, due_on: '2026-02-28' },
    );
    project(tasksProjection, happened(2, 'TaskAssigned', { assigneeId: ada })).thenPatched('tasks', key, {
      ...{ assignee_id: ada, assigned_version: 2, assigned_position: 200n },
      version: 2,
    });
  });
  it.each([
    ['TaskDescribed', { title: 'T', description: '' }, { title: 'T', description: '' }],
    ['TaskStatusChanged', { status: 'done' }, { status: 'done' }],
    ['TaskUnassigned', { reason: 'no-member' }, { assignee_id: null, assigned_version: null, assigned_position: null }],
    ['TaskDueDateChanged', { dueOn: '2026-02-28' }, { due_on: '2026-02-28' }],
    ['TaskDueDateChanged', { dueOn: null }, { due_on: null }],
  ])('shows the effect of %s and the version of that change', (type, changed, columns) =>
    project(tasksProjection, happened(2, type, changed)).thenPatched('tasks', key, { ...columns, version: 2 }),
  );
  it('has no row for a deleted task', () =>
    project(tasksProjection, created, happened(2, 'TaskDeleted')).thenRows('tasks'));
});
