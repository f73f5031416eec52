import { Body, Controller, Delete, Get, Patch, Post, Query } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiTags } from '@nestjs/swagger';
import type { RequiredVersion } from '#domain/command';
import { ChangeTask, CreateTask, DeleteTask } from '#domain/task/decide';
import type { Task } from '#domain/task/evolve';
import type { CommandResult } from '#event-log/aggregate/aggregate-store';
import { ScopedDb } from '#platform/database/scoped/scoped-db';
import { findTask, listTasks } from '#projections/tasks/queries';
import { type Versioned, withETag } from '../http/contract/etag';
import { type Page, Pages, type Paging } from '../http/contract/pages';
import { Preconditions } from '../http/contract/preconditions';
import { RequirePermission } from '../http/contract/require-permission.decorator';
import { Documented } from '../http/openapi/documented';
import { notFound } from '../http/problems/not-found';
import { commandContextOf, principalOf } from '../http/requests/command-context';
import { Context, type RequestContext } from '../http/requests/request-context';
import { PathId } from '../http/validation/path-id';
import { ChangeTaskDto, CreateTaskDto, TaskDto, TaskPageDto, TasksQuery } from './task.dto';

/** Routes about the tasks of the tenant in the access token. */
@ApiTags('Tenant')
@Controller('v1')
export class TasksController {
  constructor(
    private readonly db: ScopedDb,
    private readonly commands: CommandBus,
  ) {}

  @Post('projects/:id/tasks')
  @RequirePermission('tasks.write')
  @Documented({
    id: 'createTask',
    summary: 'Add a task to a project',
    description:
      'A new task has the status `open`. The answer is 409 if the project is archived (restore it first) or the assignee may not read tasks (choose another member).',
    response: TaskDto,
    versioned: true,
    problems: ['forbidden', 'conflict', 'plan-limit-reached'],
  })
  create(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the project.') projectId: string,
    @Body() { title, description = '', assigneeId = null, dueOn = null }: CreateTaskDto,
  ): Promise<Versioned<TaskDto>> {
    const { tenantId, userId } = principalOf(context);
    // The task has the id of the command: a repeat after a crash finds the task that it has already created.
    const taskId = context.commandId;
    const input = { by: userId, taskId, projectId, title, description, assigneeId, dueOn };
    return this.executeFor(context, new CreateTask(tenantId, input, commandContextOf(context)), taskId);
  }

  @Get('projects/:id/tasks')
  @RequirePermission('tasks.read')
  @Documented({
    id: 'listTasks',
    summary: 'List the tasks of a project, newest first',
    description: 'A task must match all filters. A task without a due date matches neither `dueBefore` nor `dueAfter`.',
    response: TaskPageDto,
    problems: ['forbidden'],
  })
  list(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the project.') projectId: string,
    @Query() query: TasksQuery,
    @Pages() pages: Paging,
  ): Promise<Page<TaskDto>> {
    const db = this.db.tenant(principalOf(context).tenantId);
    const { status, assignee: assigneeId, dueBefore, dueAfter } = query;
    return pages.page(
      query,
      ({ id }) => [id],
      async (after, take) => {
        const filter = { status, assigneeId, dueBefore, dueAfter };
        const rows = await listTasks(db, projectId, filter, after && String(after[0]), take);
        if (!rows) throw notFound('project');
        return rows.map((row) => new TaskDto(row));
      },
    );
  }

  @Get('tasks/:id')
  @RequirePermission('tasks.read')
  @Documented({
    id: 'getTask',
    summary: 'Show a task',
    description: 'A task of an archived project can be read, too.',
    response: TaskDto,
    problems: ['forbidden'],
  })
  async get(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the task.') id: string,
  ): Promise<Versioned<TaskDto>> {
    const task = await findTask(this.db.tenant(principalOf(context).tenantId), id);
    if (!task) throw notFound('task');
    return withETag(new TaskDto(task), task.version);
  }

  @Patch('tasks/:id')
  @RequirePermission('tasks.write')
  @Documented({
    id: 'updateTask',
    summary: 'Change one or more fields of a task',
    description:
      'Fields that are not sent stay as they are. The answer is 409 if the project is archived (restore it first) or the assignee may not read tasks (choose another member).',
    response: TaskDto,
    problems: ['forbidden', 'conflict'],
  })
  change(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the task.') id: string,
    @Body() change: ChangeTaskDto,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<Versioned<TaskDto>> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, taskId: id, ...change };
    return this.executeFor(context, new ChangeTask(tenantId, input, commandContextOf(context), requiredVersion), id);
  }

  @Delete('tasks/:id')
  @RequirePermission('tasks.write')
  @Documented({
    id: 'deleteTask',
    summary: 'Delete a task',
    description: 'A deleted task cannot be restored. The answer is 409 if the project is archived: restore it first.',
    status: 204,
    problems: ['forbidden', 'conflict'],
  })
  async remove(
    @Context() context: RequestContext,
    @PathId('id', 'Id of the task.') id: string,
    @Preconditions() requiredVersion: RequiredVersion,
  ): Promise<void> {
    const { tenantId, userId } = principalOf(context);
    const input = { by: userId, taskId: id };
    const command = new DeleteTask(tenantId, input, commandContextOf(context), requiredVersion);
    const { position } = await this.commands.execute<DeleteTask, CommandResult<Task>>(command);
    context.position = position;
  }

  private async executeFor(
    context: RequestContext,
    command: CreateTask | ChangeTask,
    id: string,
  ): Promise<Versioned<TaskDto>> {
    const { position, version, state } = await this.commands.execute<typeof command, CommandResult<Task>>(command);
    if (state.kind !== 'present') throw notFound('task');
    context.position = position;
    return withETag(TaskDto.of(id, state), version);
  }
}
