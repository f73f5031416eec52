import type { TaskEvent } from './events';
import { taskFold } from './evolve';

const data = { projectId: 'project', title: 'Choose a colour', description: '', dueOn: null };
const created: TaskEvent = { type: 'TaskCreated', data: { ...data, assigneeId: null } };
const described: TaskEvent = { type: 'TaskDescribed', data: { title: 'Choose two', description: 'Soon' } };
const deleted: TaskEvent = { type: 'TaskDeleted', data: { projectId: 'project' } };

const stateAfter = (...events: readonly TaskEvent[]) =>
  events.reduce((task, event, at) => taskFold.evolve(task, event, at + 1), taskFold.initial);

describe('the state of a task', () => {
  const open = { kind: 'present', ...data, status: 'open', assignment: null };

  it('belongs to the stream category task', () => expect(taskFold.aggregate).toBe('task'));
  it('is open after the creation', () => expect(stateAfter(created)).toEqual(open));
  it('has the assignee of the creation, assigned at version 1', () =>
    expect(stateAfter({ type: 'TaskCreated', data: { ...data, assigneeId: 'ada' } })).toEqual({
      ...open,
      assignment: { userId: 'ada', version: 1 },
    }));
  it('has the fields of each later change', () => {
    expect(stateAfter(created, described)).toEqual({ ...open, title: 'Choose two', description: 'Soon' });
    expect(stateAfter(created, { type: 'TaskStatusChanged', data: { status: 'done' } })).toEqual({
      ...open,
      status: 'done',
    });
    expect(stateAfter(created, { type: 'TaskDueDateChanged', data: { dueOn: '2026-02-28' } })).toEqual({
      ...open,
      dueOn: '2026-02-28',
    });
  });
  it('has the last assignee and the version that assigned the task', () => {
    const assigned: TaskEvent = { type: 'TaskAssigned', data: { assigneeId: 'ada' } };
    expect(stateAfter(created, described, assigned)).toMatchObject({ assignment: { userId: 'ada', version: 3 } });
    expect(stateAfter(created, assigned, { type: 'TaskUnassigned', data: { reason: 'withdrawn' } })).toEqual(open);
  });
  it('holds nothing of a deleted task', () => expect(stateAfter(created, deleted)).toEqual({ kind: 'deleted' }));
  it('must begin with TaskCreated and end with TaskDeleted', () => {
    const reason = 'the stream does not begin with TaskCreated, or continues after TaskDeleted';
    expect(() => stateAfter(described)).toThrow(reason);
    expect(() => stateAfter(created, deleted, described)).toThrow(reason);
  });
  it('cannot be built from an event that this release does not know', () =>
    expect(() => stateAfter(created, { type: 'TaskPainted', data: {} } as never)).toThrow(
      'this release does not know the event TaskPainted; run the release that wrote it',
    ));
});
