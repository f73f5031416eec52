import { TenantCommand } from '../command';
import type { TaskChange, TaskCreation } from './decide';

/** Adds a task to a project; its stream must not exist yet. */
export class CreateTask extends TenantCommand<TaskCreation> {}
/** Changes any fields of a task in one append. */
export class ChangeTask extends TenantCommand<TaskChange> {}
export class DeleteTask extends TenantCommand<{ readonly by: string; readonly taskId: string }> {}
/** Unassigns a task from a user who left the tenant. Sent by the system itself: no permission is checked. */
export class UnassignTask extends TenantCommand<{
  readonly taskId: string;
  /** The version of the task's stream by which it was assigned. */
  readonly assignedAt: number;
}> {}
