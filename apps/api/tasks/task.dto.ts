import { ApiProperty } from '@nestjs/swagger';
import { TASK_STATUSES, type TaskStatus } from '#domain/task/events';
import type { PresentTask } from '#domain/task/evolve';
import { timeOfUuidv7 } from '#platform/ids/uuid';
import type { TaskRow } from '#projections/tasks/queries';
import { PageQuery } from '../http/contract/pages';
import { Choice, Day, Text, Uuid } from '../http/validation/fields';

const TITLE = { min: 1, max: 500, description: 'What to do, in one line.', example: 'Choose a colour' };
const DESCRIPTION = { min: 0, max: 10_000, lines: true, optional: true };
const ASSIGNEE = { optional: true, nullable: true };
const DUE = { optional: true, nullable: true, example: '2026-01-31' };
const STATUS = `Status of the task: ${TASK_STATUSES.map((it) => `\`${it}\``).join(', ')}.`;

export class CreateTaskDto {
  @Text(TITLE)
  title!: string;

  @Text({ ...DESCRIPTION, description: 'Details, on any number of lines. Default: empty.' })
  description?: string;

  @Uuid({
    ...ASSIGNEE,
    description: 'User id of the member to whom the task is assigned. `null` (default): the task is not assigned.',
  })
  assigneeId?: string | null;

  @Day({ ...DUE, description: 'Due date, as `YYYY-MM-DD`. `null` (default): the task has no due date.' })
  dueOn?: string | null;
}

/** Fields that are not sent stay unchanged. */
export class ChangeTaskDto {
  @Text({ ...TITLE, optional: true, description: 'New title: what to do, in one line. Omit to keep the title.' })
  title?: string;

  @Text({
    ...DESCRIPTION,
    description: 'New details, on any number of lines. Omit to keep them; an empty text removes them.',
  })
  description?: string;

  @Choice(TASK_STATUSES, {
    ...{ optional: true, example: 'in-progress' },
    description: 'New status. Any change is allowed. Omit to keep the status.',
  })
  status?: TaskStatus;

  @Uuid({
    ...ASSIGNEE,
    description:
      'User id of the member to whom the task is assigned from now on. Omit to keep the assignment; `null` removes it.',
  })
  assigneeId?: string | null;

  @Day({ ...DUE, description: 'New due date, as `YYYY-MM-DD`. Omit to keep it; `null` removes it.' })
  dueOn?: string | null;
}

export class TasksQuery extends PageQuery {
  @Choice(TASK_STATUSES, { optional: true, description: 'Only tasks with this status.' })
  status?: TaskStatus;

  @Uuid({ optional: true, description: 'Only tasks that are assigned to the member with this user id.' })
  assignee?: string;

  @Day({ optional: true, description: 'Only tasks that are due before this date (`YYYY-MM-DD`).' })
  dueBefore?: string;

  @Day({ optional: true, description: 'Only tasks that are due after this date (`YYYY-MM-DD`).' })
  dueAfter?: string;
}

export class TaskDto {
  @ApiProperty({ format: 'uuid', description: 'Id of the task. It never changes.' })
  readonly id: string;
  @ApiProperty({ format: 'uuid', description: 'Id of the project of the task. It never changes.' })
  readonly projectId: string;
  @ApiProperty({ example: 'Choose a colour', description: 'What to do, in one line.' })
  readonly title: string;
  @ApiProperty({ description: 'Details. The text can be empty and can have several lines.' })
  readonly description: string;
  @ApiProperty({ enum: TASK_STATUSES, description: STATUS })
  readonly status: string;
  @ApiProperty({
    ...{ type: String, format: 'uuid', nullable: true },
    description: 'User id of the member to whom the task is assigned. `null`: the task is not assigned.',
  })
  readonly assigneeId: string | null;
  @ApiProperty({
    ...{ type: String, format: 'date', nullable: true, example: '2026-01-31' },
    description: 'Due date, as `YYYY-MM-DD`. `null`: the task has no due date.',
  })
  readonly dueOn: string | null;
  @ApiProperty({ format: 'date-time', description: 'When the task was created (UTC).' })
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
  @ApiProperty({ type: [TaskDto], description: 'The tasks of this page, newest first.' })
  data!: TaskDto[];
  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Send it as `cursor` to get the next page. `null` on the last page.',
  })
  nextCursor!: string | null;
}
