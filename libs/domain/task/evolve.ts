import { matchesOneSample } from '../shape';
import { unknownEvent } from '../unknown-event';
import type { TaskEvent, TaskStatus } from './events';

/** The user that a task is assigned to, and the event that assigned it. */
export interface Assignment {
  readonly userId: string;
  /** The version, in the task's stream, of the event that assigned the task. It identifies this assignment. */
  readonly version: number;
}

/** The state of a task that its rules need. It is plain data, because snapshots store it. */
export type Task =
  | { readonly kind: 'absent' }
  | { readonly kind: 'deleted' }
  | {
      readonly kind: 'present';
      readonly projectId: string;
      readonly title: string;
      readonly description: string;
      readonly status: TaskStatus;
      readonly assignment: Assignment | null;
      /** `YYYY-MM-DD` */
      readonly dueOn: string | null;
    };

export type PresentTask = Extract<Task, { kind: 'present' }>;

const present = (task: Task): PresentTask => {
  if (task.kind !== 'present')
    throw new Error('the stream does not begin with TaskCreated, or continues after TaskDeleted');
  return task;
};

const evolve = (task: Task, event: TaskEvent, version: number): Task => {
  switch (event.type) {
    case 'TaskCreated': {
      const { assigneeId, ...data } = event.data;
      return {
        kind: 'present',
        ...data,
        status: 'open',
        assignment: assigneeId === null ? null : { userId: assigneeId, version },
      };
    }
    case 'TaskDescribed':
    case 'TaskStatusChanged':
    case 'TaskDueDateChanged':
      return { ...present(task), ...event.data };
    case 'TaskAssigned':
      return { ...present(task), assignment: { userId: event.data.assigneeId, version } };
    case 'TaskUnassigned':
      return { ...present(task), assignment: null };
    case 'TaskDeleted':
      return { kind: 'deleted' };
    default:
      return unknownEvent(event);
  }
};

/** One sample of each kind, to check a state that is read from a snapshot. */
const SAMPLES: readonly Task[] = [
  { kind: 'absent' },
  { kind: 'deleted' },
  { kind: 'present', projectId: '', title: '', description: '', status: 'open', assignment: null, dueOn: null },
];

/** Builds the state of a task from its events. */
export const taskFold = {
  aggregate: 'task',
  foldVersion: 1,
  initial: { kind: 'absent' } as Task,
  evolve,
  isState: (value: unknown): value is Task => matchesOneSample(value, 'kind', SAMPLES),
};
