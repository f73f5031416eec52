import { specificationOf } from '#testing/given-when-then';
import type { Role } from '../tenant/roles';
import {
  changeTask,
  createTask,
  deleteTask,
  type TaskChange,
  type TaskCreation,
  type TaskRuleFacts,
  unassignTask,
} from './decide';
import { TASK_STATUSES, type TaskEvent } from './events';
import { type Task, taskFold } from './evolve';

const { given } = specificationOf(taskFold);

const creation: TaskCreation = {
  by: 'user',
  taskId: 'task',
  projectId: 'project',
  title: 'Choose a colour',
  description: '',
  assigneeId: null,
  dueOn: null,
};
const created = (more: Partial<TaskCreation> = {}): TaskEvent => {
  const { by: _, taskId: __, ...data } = { ...creation, ...more };
  return { type: 'TaskCreated', data };
};
const assigned = (assigneeId: string): TaskEvent => ({ type: 'TaskAssigned', data: { assigneeId } });
const statusChanged = (status: (typeof TASK_STATUSES)[number]): TaskEvent => ({
  type: 'TaskStatusChanged',
  data: { status },
});
const deleted: TaskEvent = { type: 'TaskDeleted', data: { projectId: 'project' } };

const factsWith = (facts: Partial<TaskRuleFacts> = {}): TaskRuleFacts => ({
  role: 'member',
  project: 'active',
  assigneeRole: 'member',
  ...facts,
});
const stranger = factsWith({ role: undefined });
const auditor = factsWith({ role: 'auditor' });
const archived = factsWith({ project: 'archived' });

const create =
  (more: Partial<TaskCreation> = {}, facts = factsWith()) =>
  (task: Task) =>
    createTask({ ...creation, ...more }, facts, task);
const change =
  (changed: Partial<TaskChange>, facts = factsWith()) =>
  (task: Task) =>
    changeTask({ by: 'user', taskId: 'task', ...changed }, facts, task);
const remove =
  (facts = factsWith()) =>
  (task: Task) =>
    deleteTask(facts, task);
const unassign = (assignedAt: number) => (task: Task) => unassignTask(assignedAt, task);

describe('creating a task', () => {
  it.each<Role>(['owner', 'admin', 'member'])('is allowed to the role %s', (role) =>
    given()
      .when(create({}, factsWith({ role })))
      .thenHappened(created()),
  );
  it('records the assignee and the due date', () => {
    const more = { assigneeId: 'ada', dueOn: '2026-02-28', description: 'Two lines\nof it' };
    given().when(create(more)).thenHappened(created(more));
  });
  it('is refused in an archived project', () =>
    given().when(create({}, archived)).thenRefused('conflict', 'The project is archived. Restore it first.'));
  it('is refused with not-found if there is no such project', () =>
    given()
      .when(create({}, factsWith({ project: 'absent' })))
      .thenRefused('not-found', 'There is no such project.'));
  it('is refused with an assignee who is not a member of the tenant', () =>
    given()
      .when(create({ assigneeId: 'ada' }, factsWith({ assigneeRole: undefined })))
      .thenRefused('conflict', 'The assignee is not a member of this tenant. Choose a member.'));
  it('is refused with an assignee whose role may not read tasks', () =>
    given()
      .when(create({ assigneeId: 'ada' }, factsWith({ assigneeRole: 'auditor' })))
      .thenRefused('conflict', 'The assignee has the role auditor, which may not read tasks. Choose another member.'));
  it('works without an assignee', () =>
    given()
      .when(create({}, factsWith({ assigneeRole: undefined })))
      .thenHappened(created()));
  it('is forbidden to an auditor', () => given().when(create({}, auditor)).thenRefused('forbidden'));
  it('is refused with not-found if the sender is not a member', () =>
    given().when(create({}, stranger)).thenRefused('not-found'));
  it('is refused if the task exists', () =>
    given(created()).when(create()).thenRefused('conflict', 'A task with this id already exists.'));
});

describe('changing a task', () => {
  it('keeps the title or the description that is left out', () => {
    given(created())
      .when(change({ title: 'Choose two' }))
      .thenHappened({ type: 'TaskDescribed', data: { title: 'Choose two', description: '' } });
    given(created())
      .when(change({ description: 'Soon' }))
      .thenHappened({ type: 'TaskDescribed', data: { title: creation.title, description: 'Soon' } });
  });
  it.each(TASK_STATUSES.flatMap((from) => TASK_STATUSES.map((to) => [from, to] as const)))(
    'changes the status from %s to %s',
    (from, to) => {
      const decision = given(created(), statusChanged(from)).when(change({ status: to }));
      if (from === to) decision.thenNothing();
      else decision.thenHappened(statusChanged(to));
    },
  );
  it('assigns it, and assigns it to another user', () => {
    given(created())
      .when(change({ assigneeId: 'ada' }))
      .thenHappened(assigned('ada'));
    given(created({ assigneeId: 'ada' }))
      .when(change({ assigneeId: 'bob' }))
      .thenHappened(assigned('bob'));
  });
  it('unassigns it', () =>
    given(created({ assigneeId: 'ada' }))
      .when(change({ assigneeId: null }))
      .thenHappened({ type: 'TaskUnassigned', data: { reason: 'withdrawn' } }));
  it('is refused with a new assignee who is not a member of the tenant', () =>
    given(created())
      .when(change({ assigneeId: 'ada' }, factsWith({ assigneeRole: undefined })))
      .thenRefused('conflict'));
  it('is refused with a new assignee whose role may not read tasks', () =>
    given(created())
      .when(change({ assigneeId: 'ada' }, factsWith({ assigneeRole: 'auditor' })))
      .thenRefused('conflict'));
  it('does not check the present assignee', () =>
    given(created({ assigneeId: 'ada' }))
      .when(change({ assigneeId: 'ada', status: 'done' }, factsWith({ assigneeRole: undefined })))
      .thenHappened(statusChanged('done')));
  it('sets and clears the due date', () => {
    given(created())
      .when(change({ dueOn: '2026-02-28' }))
      .thenHappened({ type: 'TaskDueDateChanged', data: { dueOn: '2026-02-28' } });
    given(created({ dueOn: '2026-02-28' }))
      .when(change({ dueOn: null }))
      .thenHappened({ type: 'TaskDueDateChanged', data: { dueOn: null } });
  });
  it('makes several changes in one append', () =>
    given(created())
      .when(change({ title: 'T', description: 'D', status: 'done', assigneeId: 'ada', dueOn: '2026-02-28' }))
      .thenHappened(
        { type: 'TaskDescribed', data: { title: 'T', description: 'D' } },
        statusChanged('done'),
        assigned('ada'),
        {
          type: 'TaskDueDateChanged',
          data: { dueOn: '2026-02-28' },
        },
      ));
  it('adds no event for the present values', () => {
    const { title, description, assigneeId, dueOn } = creation;
    given(created())
      .when(change({ title, description, status: 'open', assigneeId, dueOn }))
      .thenNothing();
    given(created()).when(change({})).thenNothing();
  });
  it('is refused while the project is archived', () =>
    given(created())
      .when(change({ status: 'done' }, archived))
      .thenRefused('conflict'));
  it('is forbidden to an auditor', () =>
    given(created())
      .when(change({ status: 'done' }, auditor))
      .thenRefused('forbidden'));
  it('is refused with not-found if the sender is not a member', () =>
    given(created())
      .when(change({ status: 'done' }, stranger))
      .thenRefused('not-found'));
  it('is refused with not-found if there is no such task, or if it was deleted', () => {
    given()
      .when(change({ status: 'done' }, factsWith({ project: 'absent' })))
      .thenRefused('not-found', 'There is no such task.');
    given(created(), deleted)
      .when(change({ status: 'done' }, archived))
      .thenRefused('not-found');
  });
});

describe('deleting a task', () => {
  it('records the project that the task was in', () => given(created()).when(remove()).thenHappened(deleted));
  it('is refused while the project is archived', () => given(created()).when(remove(archived)).thenRefused('conflict'));
  it('is forbidden to an auditor', () => given(created()).when(remove(auditor)).thenRefused('forbidden'));
  it('is refused with not-found if the sender is not a member', () =>
    given(created()).when(remove(stranger)).thenRefused('not-found'));
  it('is refused with not-found if there is no such task, or if it was deleted', () => {
    given().when(remove()).thenRefused('not-found');
    given(created(), deleted).when(remove()).thenRefused('not-found');
  });
});

describe('unassigning a task from a user who left the tenant', () => {
  const unassigned: TaskEvent = { type: 'TaskUnassigned', data: { reason: 'no-member' } };
  it('works for the assignee of the creation', () =>
    given(created({ assigneeId: 'ada' }))
      .when(unassign(1))
      .thenHappened(unassigned));
  it('works for a later assignee', () => given(created(), assigned('ada')).when(unassign(2)).thenHappened(unassigned));
  it('adds no event if the task was assigned again since then, to the same or another member', () => {
    given(created({ assigneeId: 'ada' }), assigned('bob'))
      .when(unassign(1))
      .thenNothing();
    given(created(), assigned('ada'), unassigned, assigned('ada')).when(unassign(2)).thenNothing();
  });
  it('adds no event if the task has no assignee, was deleted, or does not exist', () => {
    given(created()).when(unassign(1)).thenNothing();
    given(created({ assigneeId: 'ada' }), deleted)
      .when(unassign(1))
      .thenNothing();
    given().when(unassign(1)).thenNothing();
  });
});
