import { eventTypes } from '../event-types';

/** The events of a task. Names and fields are a storage contract: they are never renamed, only upcast on read. */
export type TaskEvent = TaskLifecycleEvent | TaskDetailEvent;

export type TaskLifecycleEvent = TaskCreated | TaskDeleted;
export type TaskDetailEvent = TaskDescribed | TaskStatusChanged | TaskAssigned | TaskUnassigned | TaskDueDateChanged;

export const TASK_STATUSES = ['open', 'in-progress', 'done'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

/** The new task has the status `open`. */
export type TaskCreated = {
  readonly type: 'TaskCreated';
  readonly data: {
    readonly projectId: string;
    readonly title: string;
    readonly description: string;
    readonly assigneeId: string | null;
    /** A day, `YYYY-MM-DD`. */
    readonly dueOn: string | null;
  };
};

export type TaskDescribed = {
  readonly type: 'TaskDescribed';
  readonly data: { readonly title: string; readonly description: string };
};

export type TaskStatusChanged = { readonly type: 'TaskStatusChanged'; readonly data: { readonly status: TaskStatus } };

export type TaskAssigned = { readonly type: 'TaskAssigned'; readonly data: { readonly assigneeId: string } };

/** The reason is `withdrawn` if a member unassigned it, and `no-member` if the assignee is no longer a member. */
export type TaskUnassigned = {
  readonly type: 'TaskUnassigned';
  readonly data: { readonly reason: 'withdrawn' | 'no-member' };
};

export type TaskDueDateChanged = {
  readonly type: 'TaskDueDateChanged';
  readonly data: { readonly dueOn: string | null };
};

export type TaskDeleted = {
  readonly type: 'TaskDeleted';
  readonly data: {
    /** The project that the task was in, so that a count of the project's tasks needs no earlier event. */
    readonly projectId: string;
  };
};

export const TASK_EVENTS = eventTypes<TaskEvent>({
  TaskCreated: true,
  TaskDescribed: true,
  TaskStatusChanged: true,
  TaskAssigned: true,
  TaskUnassigned: true,
  TaskDueDateChanged: true,
  TaskDeleted: true,
});
