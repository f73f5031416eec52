import { ApiProperty } from '@nestjs/swagger';
import { TASK_STATUSES, type TaskStatus } from '#domain/task/events';
import type { PresentTask } from '#domain/task/evolve';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import type { TaskRow } from '#projections/tasks/queries';
import { PageQuery } from '../http/contract/pages';
import { Choice, Day, Text, Uuid } from '../http/validation/fields';

const TITLE = { min: 1, max: 500, description: 'What to do, in one line.', example: 'Choose a colour' };
const DESCRIPTION = { min: 0, max: 10_000, lines: true, optional: true, description: 'Details. Default: empty.' };
const ASSIGNEE = {
  optional: true,
  nullable: true,
  description:
    'Member to whom the task is assigned. An auditor cannot be assigned, because auditors cannot read tasks. `null` if nobody is assigned.',
};
const DUE = {
  optional: true,
  nullable: true,
  description: 'Due date. `null` if the task has none.',
  example: '2026-01-31',
};

export class CreateTaskDto {
  @Text(TITLE)
  title!: string;

  @Text(DESCRIPTION)
  description?: string;

  @Uuid(ASSIGNEE)
  assigneeId?: string | null;

  @Day(DUE)
  dueOn?: string | null;
}

/** Fields that are not sent stay unchanged. */
export class ChangeTaskDto {
  @Text({ ...TITLE, optional: true })
  title?: string;

  @Text(DESCRIPTION)
  description?: string;

  @Choice(TASK_STATUSES, { optional: true, example: 'in-progress' })
  status?: TaskStatus;

  @Uuid(ASSIGNEE)
  assigneeId?: string | null;

  @Day(DUE)
  dueOn?: string | null;
}

export class TasksQuery extends PageQuery {
  @Choice(TASK_STATUSES, { optional: true })
  status?: TaskStatus;

  @Uuid({ optional: true, description: 'Only tasks that are assigned to this user.' })
  assignee?: string;

  @Day({ optional: true, description: 'Only tasks that are due before this date.' })
  dueBefore?: string;

  @Day({ optional: true, description: 'Only tasks that are due after this date.' })
  dueAfter?: string;
}

export class TaskDto {
  @ApiProperty({ format: 'uuid' })
  readonly id: string;
  @ApiProperty({ format: 'uuid' })
  readonly projectId: string;
  @ApiProperty({ example: 'Choose a colour' })
  readonly title: string;
  @ApiProperty()
  readonly description: string;
  @ApiProperty({ enum: TASK_STATUSES })
  readonly status: string;
  @ApiProperty({ type: String, format: 'uuid', nullable: true })
  readonly assigneeId: string | null;
  @ApiProperty({ type: String, format: 'date', nullable: true, example: '2026-01-31' })
  readonly dueOn: string | null;
  @ApiProperty({ format: 'date-time' })
  readonly createdAt: string;

  constructor(task: Omit<TaskRow, 'version'>) {
    this.id = task.id;
    this.projectId = task.projectId;
    this.title = task.title;
    this.description = task.description;
    this.status = task.status;
    this.assigneeId = task.assigneeId;
    this.dueOn = task.dueOn;
    this.createdAt = new Date(timeOfUuidv7(task.id)).toISOString();
  }

  static of(id: string, { assignment, ...task }: PresentTask): TaskDto {
    return new TaskDto({ ...task, id, assigneeId: assignment?.userId ?? null });
  }
}

export class TaskPageDto {
  @ApiProperty({ type: [TaskDto] })
  data!: TaskDto[];
  @ApiProperty({ type: String, nullable: true, description: '`null` on the last page.' })
  nextCursor!: string | null;
}
