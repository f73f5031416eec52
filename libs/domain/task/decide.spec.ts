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
const moved = (status: (typeof TASK_STATUSES)[number]): TaskEvent => ({ type: 'TaskStatusChanged', data: { status } });
const deleted: TaskEvent = { type: 'TaskDeleted', data: { projectId: 'project' } };

const among = (surroundings: Partial<TaskRuleFacts> = {}): TaskRuleFacts => ({
  role: 'member',
  project: 'active',
  assigneeRole: 'member',
  ...surroundings,
});
const stranger = among({ role: undefined });
const auditor = among({ role: 'auditor' });
const archived = among({ project: 'archived' });

const create =
  (more: Partial<TaskCreation> = {}, surroundings = among()) =>
  (task: Task) =>
    createTask({ ...creation, ...more }, surroundings, task);
const change =
  (wanted: Partial<TaskChange>, surroundings = among()) =>
  (task: Task) =>
    changeTask({ by: 'user', taskId: 'task', ...wanted }, surroundings, task);
const remove =
  (surroundings = among()) =>
  (task: Task) =>
    deleteTask(surroundings, task);
const unassign = (assignedAt: number) => (task: Task) => unassignTask(assignedAt, task);

describe('creating a task', () => {
  it.each<Role>(['owner', 'admin', 'member'])('is for everybody who works: %s', (role) =>
    given()
      .when(create({}, among({ role })))
      .thenHappened(created()),
  );
  it('records whose it is and when it is due', () => {
    const more = { assigneeId: 'ada', dueOn: '2026-02-28', description: 'Two lines\nof it' };
    given().when(create(more)).thenHappened(created(more));
  });
  it('is refused in a project that is archived', () => given().when(create({}, archived)).thenRefused('conflict'));
  it('finds no project where there is none', () =>
    given()
      .when(create({}, among({ project: 'absent' })))
      .thenRefused('not-found'));
  it('is assigned to nobody who does not belong to the tenant', () =>
    given()
      .when(create({ assigneeId: 'ada' }, among({ assigneeRole: undefined })))
      .thenRefused('conflict'));
  it('is assigned to nobody who could not see it', () =>
    given()
      .when(create({ assigneeId: 'ada' }, among({ assigneeRole: 'auditor' })))
      .thenRefused('conflict'));
  it('needs no assignee', () =>
    given()
      .when(create({}, among({ assigneeRole: undefined })))
      .thenHappened(created()));
  it('is forbidden to auditors', () => given().when(create({}, auditor)).thenRefused('forbidden'));
  it('is about nothing for a stranger', () => given().when(create({}, stranger)).thenRefused('not-found'));
  it('is refused where it exists', () => given(created()).when(create()).thenRefused('conflict'));
});

describe('changing a task', () => {
  it('keeps of title and description what is not named', () => {
    given(created())
      .when(change({ title: 'Choose two' }))
      .thenHappened({ type: 'TaskDescribed', data: { title: 'Choose two', description: '' } });
    given(created())
      .when(change({ description: 'Soon' }))
      .thenHappened({ type: 'TaskDescribed', data: { title: creation.title, description: 'Soon' } });
  });
  it.each(TASK_STATUSES.flatMap((from) => TASK_STATUSES.map((to) => [from, to] as const)))(
    'moves it from %s to %s',
    (from, to) => {
      const asked = given(created(), moved(from)).when(change({ status: to }));
      if (from === to) asked.thenNothing();
      else asked.thenHappened(moved(to));
    },
  );
  it('assigns it, and assigns it to another', () => {
    given(created())
      .when(change({ assigneeId: 'ada' }))
      .thenHappened(assigned('ada'));
    given(created({ assigneeId: 'ada' }))
      .when(change({ assigneeId: 'bob' }))
      .thenHappened(assigned('bob'));
  });
  it('takes it back', () =>
    given(created({ assigneeId: 'ada' }))
      .when(change({ assigneeId: null }))
      .thenHappened({ type: 'TaskUnassigned', data: { reason: 'withdrawn' } }));
  it('assigns it to nobody who does not belong to the tenant', () =>
    given(created())
      .when(change({ assigneeId: 'ada' }, among({ assigneeRole: undefined })))
      .thenRefused('conflict'));
  it('assigns it to nobody who could not see it', () =>
    given(created())
      .when(change({ assigneeId: 'ada' }, among({ assigneeRole: 'auditor' })))
      .thenRefused('conflict'));
  it('does not ask who has it already', () =>
    given(created({ assigneeId: 'ada' }))
      .when(change({ assigneeId: 'ada', status: 'done' }, among({ assigneeRole: undefined })))
      .thenHappened(moved('done')));
  it('sets and empties the day it is due', () => {
    given(created())
      .when(change({ dueOn: '2026-02-28' }))
      .thenHappened({ type: 'TaskDueDateChanged', data: { dueOn: '2026-02-28' } });
    given(created({ dueOn: '2026-02-28' }))
      .when(change({ dueOn: null }))
      .thenHappened({ type: 'TaskDueDateChanged', data: { dueOn: null } });
  });
  it('does all of it at once', () =>
    given(created())
      .when(change({ title: 'T', description: 'D', status: 'done', assigneeId: 'ada', dueOn: '2026-02-28' }))
      .thenHappened({ type: 'TaskDescribed', data: { title: 'T', description: 'D' } }, moved('done'), assigned('ada'), {
        type: 'TaskDueDateChanged',
        data: { dueOn: '2026-02-28' },
      }));
  it('to what it is already is nothing', () => {
    const { title, description, assigneeId, dueOn } = creation;
    given(created())
      .when(change({ title, description, status: 'open', assigneeId, dueOn }))
      .thenNothing();
    given(created()).when(change({})).thenNothing();
  });
  it('is refused while its project is archived', () =>
    given(created())
      .when(change({ status: 'done' }, archived))
      .thenRefused('conflict'));
  it('is forbidden to auditors', () =>
    given(created())
      .when(change({ status: 'done' }, auditor))
      .thenRefused('forbidden'));
  it('is about nothing for a stranger', () =>
    given(created())
      .when(change({ status: 'done' }, stranger))
      .thenRefused('not-found'));
  it('finds nothing where there is none, or none any more', () => {
    given()
      .when(change({ status: 'done' }, among({ project: 'absent' })))
      .thenRefused('not-found');
    given(created(), deleted)
      .when(change({ status: 'done' }, archived))
      .thenRefused('not-found');
  });
});

describe('deleting a task', () => {
  it('is a fact', () => given(created()).when(remove()).thenHappened(deleted));
  it('is refused while its project is archived', () => given(created()).when(remove(archived)).thenRefused('conflict'));
  it('is forbidden to auditors', () => given(created()).when(remove(auditor)).thenRefused('forbidden'));
  it('is about nothing for a stranger', () => given(created()).when(remove(stranger)).thenRefused('not-found'));
  it('finds nothing where there is none, or none any more', () => {
    given().when(remove()).thenRefused('not-found');
    given(created(), deleted).when(remove()).thenRefused('not-found');
  });
});

describe('taking back the assignment of somebody who left', () => {
  const unassigned: TaskEvent = { type: 'TaskUnassigned', data: { reason: 'no-member' } };
  it('that the task began with', () =>
    given(created({ assigneeId: 'ada' }))
      .when(unassign(1))
      .thenHappened(unassigned));
  it('that came later', () => given(created(), assigned('ada')).when(unassign(2)).thenHappened(unassigned));
  it('keeps a task that was assigned again since, to any member', () => {
    given(created({ assigneeId: 'ada' }), assigned('bob'))
      .when(unassign(1))
      .thenNothing();
    given(created(), assigned('ada'), unassigned, assigned('ada')).when(unassign(2)).thenNothing();
  });
  it('leaves alone what nobody has, and what is gone', () => {
    given(created()).when(unassign(1)).thenNothing();
    given(created({ assigneeId: 'ada' }), deleted)
      .when(unassign(1))
      .thenNothing();
    given().when(unassign(1)).thenNothing();
  });
});
