import type { CommandContext } from '../command';
import type { TaskChange, TaskCreation } from './decide';

/** Adds a task to a project; its stream must not exist yet. */
export class CreateTask {
  constructor(
    readonly tenantId: string,
    readonly creation: TaskCreation,
    readonly context: CommandContext,
  ) {}
}

/** Changes any of what a task says of itself, all in one. */
export class ChangeTask {
  constructor(
    readonly tenantId: string,
    readonly change: TaskChange,
    readonly context: CommandContext,
    /** The version that the client saw, where it insists on it. */
    readonly expectedVersion?: number,
  ) {}
}

/** Deletes a task. */
export class DeleteTask {
  constructor(
    readonly tenantId: string,
    readonly request: { readonly by: string; readonly taskId: string },
    readonly context: CommandContext,
    /** The version that the client saw, where it insists on it. */
    readonly expectedVersion?: number,
  ) {}
}

/** Takes a task from somebody who left the company. Of the system itself: nobody's permission is asked for. */
export class UnassignTask {
  constructor(
    readonly tenantId: string,
    /** The task, and the version of its stream by which it was assigned. */
    readonly unassignment: { readonly taskId: string; readonly assignedAt: number },
    readonly context: CommandContext,
  ) {}
}
