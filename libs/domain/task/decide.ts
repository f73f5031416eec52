import { TenantCommand } from '../command';
import type { Project } from '../project/evolve';
import { Refusal } from '../refusal';
import { may } from '../tenant/permissions';
import type { Role } from '../tenant/roles';
import { requirePermission, type TenantAccess } from '../tenant-access';
import type { TaskEvent, TaskStatus } from './events';
import type { PresentTask, Task } from './evolve';

/** What a rule about a task has to know of the tenant and of the project. */
export interface TaskRuleFacts extends TenantAccess {
  readonly project: Project['status'];
  /** What the user that it shall be assigned to is in the tenant; undefined: they do not belong to it. */
  readonly assigneeRole: Role | undefined;
}

type InProject = Omit<TaskRuleFacts, 'assigneeRole'>;

const requireWork = (surroundings: InProject): void => {
  requirePermission(surroundings, 'tasks.write');
  const { project } = surroundings;
  if (project === 'archived') throw new Refusal('conflict', 'The project is archived. Restore it first.');
};

const requirePresent = (task: Task): PresentTask => {
  if (task.kind !== 'present') throw new Refusal('not-found', 'There is no such task.');
  return task;
};

const requireAssignable = ({ assigneeRole }: TaskRuleFacts): void => {
  if (assigneeRole !== undefined && !may(assigneeRole, 'tasks.read'))
    throw new Refusal(
      'conflict',
      `The assignee has the role ${assigneeRole}, which may not read tasks. Choose another member.`,
    );
  if (assigneeRole === undefined)
    throw new Refusal('conflict', 'The assignee is not a member of this tenant. Choose a member.');
};

export interface TaskCreation {
  readonly by: string;
  readonly taskId: string;
  readonly projectId: string;
  /** 1..500 characters. */
  readonly title: string;
  /** 0..10,000 characters. */
  readonly description: string;
  readonly assigneeId: string | null;
  /** `YYYY-MM-DD` */
  readonly dueOn: string | null;
}

/** Adds a task to a project; its stream must not exist yet. */
export class CreateTask extends TenantCommand<TaskCreation> {}

/** Members add tasks to a project that is not archived. */
export const createTask = (
  { projectId, title, description, assigneeId, dueOn }: TaskCreation,
  surroundings: TaskRuleFacts,
  task: Task,
): TaskEvent[] => {
  requireWork(surroundings);
  if (surroundings.project === 'absent') throw new Refusal('not-found', 'There is no such project.');
  if (assigneeId !== null) requireAssignable(surroundings);
  if (task.kind !== 'absent') throw new Refusal('conflict', 'A task with this id already exists.');
  return [{ type: 'TaskCreated', data: { projectId, title, description, assigneeId, dueOn } }];
};

/** What is left out stays as it is; null empties it. */
export interface TaskChange {
  readonly by: string;
  readonly taskId: string;
  readonly title?: string;
  readonly description?: string;
  readonly status?: TaskStatus;
  readonly assigneeId?: string | null;
  readonly dueOn?: string | null;
}

/** Changes any fields of a task in one append. */
export class ChangeTask extends TenantCommand<TaskChange> {}

/** Members change a task, its status from any to any, unless its project is archived; what it is already is no event. */
export const changeTask = (change: TaskChange, surroundings: TaskRuleFacts, task: Task): TaskEvent[] => {
  requirePermission(surroundings, 'tasks.write');
  const present = requirePresent(task);
  requireWork(surroundings);
  return [
    ...describe(change, present),
    ...move(change, present),
    ...assign(change, surroundings, present),
    ...fallDue(change, present),
  ];
};

const describe = (change: TaskChange, task: PresentTask): TaskEvent[] => {
  const { title = task.title, description = task.description } = change;
  if (title === task.title && description === task.description) return [];
  return [{ type: 'TaskDescribed', data: { title, description } }];
};

const move = ({ status }: TaskChange, task: PresentTask): TaskEvent[] =>
  status === undefined || status === task.status ? [] : [{ type: 'TaskStatusChanged', data: { status } }];

const assign = ({ assigneeId }: TaskChange, surroundings: TaskRuleFacts, task: PresentTask): TaskEvent[] => {
  if (assigneeId === undefined || assigneeId === (task.assignment?.userId ?? null)) return [];
  if (assigneeId === null) return [{ type: 'TaskUnassigned', data: { reason: 'withdrawn' } }];
  requireAssignable(surroundings);
  return [{ type: 'TaskAssigned', data: { assigneeId } }];
};

const fallDue = ({ dueOn }: TaskChange, task: PresentTask): TaskEvent[] =>
  dueOn === undefined || dueOn === task.dueOn ? [] : [{ type: 'TaskDueDateChanged', data: { dueOn } }];

export class DeleteTask extends TenantCommand<{ readonly by: string; readonly taskId: string }> {}

/** Members delete a task, unless its project is archived. */
export const deleteTask = (surroundings: InProject, task: Task): TaskEvent[] => {
  requirePermission(surroundings, 'tasks.write');
  const { projectId } = requirePresent(task);
  requireWork(surroundings);
  return [{ type: 'TaskDeleted', data: { projectId } }];
};

/** Unassigns a task from a user who left the tenant. Sent by the system itself: no permission is checked. */
export class UnassignTask extends TenantCommand<{
  readonly taskId: string;
  /** The version of the task's stream by which it was assigned. */
  readonly assignedAt: number;
}> {}

/**
 * Anyone who had it belongs to the tenant no more: takes back that one assignment, in an archived project too. A task that
 * was assigned again since, or is gone, is left alone.
 * @param assignedAt the stream's version by which it was assigned
 */
export const unassignTask = (assignedAt: number, task: Task): TaskEvent[] =>
  task.kind === 'present' && task.assignment?.version === assignedAt
    ? [{ type: 'TaskUnassigned', data: { reason: 'no-member' } }]
    : [];
