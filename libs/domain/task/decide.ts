import { TenantCommand } from '../command';
import type { Project } from '../project/evolve';
import { Refusal } from '../refusal';
import { hasPermission } from '../tenant/permissions';
import type { Role } from '../tenant/roles';
import { requirePermission, type TenantAccess } from '../tenant-access';
import type { TaskEvent, TaskStatus } from './events';
import type { PresentTask, Task } from './evolve';

/** The facts about the tenant and the project that a rule of a task needs. */
export interface TaskRuleFacts extends TenantAccess {
  readonly project: Project['status'];
  /** The role of the user that the command assigns the task to; undefined: the user is not a member of the tenant. */
  readonly assigneeRole: Role | undefined;
}

type FactsWithoutAssignee = Omit<TaskRuleFacts, 'assigneeRole'>;

const requireWritable = (facts: FactsWithoutAssignee): void => {
  requirePermission(facts, 'tasks.write');
  const { project } = facts;
  if (project === 'archived') throw new Refusal('conflict', 'The project is archived. Restore it first.');
};

const requirePresent = (task: Task): PresentTask => {
  if (task.kind !== 'present') throw new Refusal('not-found', 'There is no such task.');
  return task;
};

const requireAssignable = ({ assigneeRole }: TaskRuleFacts): void => {
  if (assigneeRole !== undefined && !hasPermission(assigneeRole, 'tasks.read'))
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

/** Adds a task to a project. The task's stream must not exist yet. */
export class CreateTask extends TenantCommand<TaskCreation> {}

/**
 * @throws Refusal not-found, forbidden, workspace-locked; conflict if the project is archived, the assignee is not a
 * member who may read tasks, or the task exists
 */
export const createTask = (
  { projectId, title, description, assigneeId, dueOn }: TaskCreation,
  facts: TaskRuleFacts,
  task: Task,
): TaskEvent[] => {
  requireWritable(facts);
  if (facts.project === 'absent') throw new Refusal('not-found', 'There is no such project.');
  if (assigneeId !== null) requireAssignable(facts);
  if (task.kind !== 'absent') throw new Refusal('conflict', 'A task with this id already exists.');
  return [{ type: 'TaskCreated', data: { projectId, title, description, assigneeId, dueOn } }];
};

/** A field that is left out keeps its value; null clears it. */
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

/**
 * The status may change from any value to any other. Each kind of change adds a separate event; a field that keeps its
 * value adds none.
 * @throws Refusal not-found, forbidden, workspace-locked; conflict if the project is archived or the new assignee is
 * not a member who may read tasks
 */
export const changeTask = (change: TaskChange, facts: TaskRuleFacts, task: Task): TaskEvent[] => {
  requirePermission(facts, 'tasks.write');
  const present = requirePresent(task);
  requireWritable(facts);
  return [
    ...describeTask(change, present),
    ...changeStatus(change, present),
    ...assign(change, facts, present),
    ...changeDueDate(change, present),
  ];
};

const describeTask = (change: TaskChange, task: PresentTask): TaskEvent[] => {
  const { title = task.title, description = task.description } = change;
  if (title === task.title && description === task.description) return [];
  return [{ type: 'TaskDescribed', data: { title, description } }];
};

const changeStatus = ({ status }: TaskChange, task: PresentTask): TaskEvent[] =>
  status === undefined || status === task.status ? [] : [{ type: 'TaskStatusChanged', data: { status } }];

const assign = ({ assigneeId }: TaskChange, facts: TaskRuleFacts, task: PresentTask): TaskEvent[] => {
  if (assigneeId === undefined || assigneeId === (task.assignment?.userId ?? null)) return [];
  if (assigneeId === null) return [{ type: 'TaskUnassigned', data: { reason: 'withdrawn' } }];
  requireAssignable(facts);
  return [{ type: 'TaskAssigned', data: { assigneeId } }];
};

const changeDueDate = ({ dueOn }: TaskChange, task: PresentTask): TaskEvent[] =>
  dueOn === undefined || dueOn === task.dueOn ? [] : [{ type: 'TaskDueDateChanged', data: { dueOn } }];

export class DeleteTask extends TenantCommand<{ readonly by: string; readonly taskId: string }> {}

/** @throws Refusal not-found, forbidden, workspace-locked; conflict if the project is archived */
export const deleteTask = (facts: FactsWithoutAssignee, task: Task): TaskEvent[] => {
  requirePermission(facts, 'tasks.write');
  const { projectId } = requirePresent(task);
  requireWritable(facts);
  return [{ type: 'TaskDeleted', data: { projectId } }];
};

/** Unassigns a task from a user who left the tenant. The system itself sends it, so no permission is checked. */
export class UnassignTask extends TenantCommand<{
  readonly taskId: string;
  /** The version of the event in the task's stream that assigned it. */
  readonly assignedAt: number;
}> {}

/**
 * Ends one assignment, because the assignee is no longer a member of the tenant. It works in an archived project, too.
 * A task that was assigned again since then, or is deleted, does not change.
 * @param assignedAt the version of the event in the task's stream that assigned it
 */
export const unassignTask = (assignedAt: number, task: Task): TaskEvent[] =>
  task.kind === 'present' && task.assignment?.version === assignedAt
    ? [{ type: 'TaskUnassigned', data: { reason: 'no-member' } }]
    : [];
