import { Inject } from '@nestjs/common';
import { CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AggregateStore, type Executed } from '../../event-log/aggregate-store';
import { LIMIT_GUARD, type LimitGuard } from '../../plans/limit-guard.port';
import { using } from '../../plans/reserving';
import { projectFold } from '../project/evolve';
import { memberOf, standpointOf, type Tenant, tenantFold } from '../tenant/evolve';
import { ChangeTask, CreateTask, DeleteTask, UnassignTask } from './commands';
import { changeTask, createTask, deleteTask, type TaskSurroundings, unassignTask } from './decide';
import { type Task, taskFold } from './evolve';

type Done = Executed<Task>;

const taskStream = (tenantId: string, id: string) => ({ tenantId, aggregate: taskFold.aggregate, id });

interface Surroundings extends TaskSurroundings {
  /** What a plan's limits are asked with. */
  readonly tenant: Tenant;
  readonly projectId: string | undefined;
}

/** @param projectId undefined: the task that is asked for does not exist, so that nothing depends on its project */
const surroundingsOf = async (
  store: AggregateStore,
  tenantId: string,
  projectId: string | undefined,
  { by, assigneeId }: { readonly by: string; readonly assigneeId?: string | null },
): Promise<Surroundings> => {
  const [{ state: tenant }, project] = await Promise.all([
    store.loadWhole(tenantFold, { tenantId, aggregate: tenantFold.aggregate, id: tenantId }),
    projectId === undefined
      ? undefined
      : store.loadWhole(projectFold, { tenantId, aggregate: projectFold.aggregate, id: projectId }),
  ]);
  return {
    ...standpointOf(tenant, by),
    tenant,
    projectId,
    project: project?.state.status ?? 'absent',
    assigneeRole: typeof assigneeId === 'string' ? memberOf(tenant, assigneeId)?.role : undefined,
  };
};

/** A task tells by its history which project it is in. */
const surroundingsOfTask = async (
  store: AggregateStore,
  tenantId: string,
  request: { readonly by: string; readonly taskId: string; readonly assigneeId?: string | null },
): Promise<Surroundings> => {
  const { state: task } = await store.loadWhole(taskFold, taskStream(tenantId, request.taskId));
  return surroundingsOf(store, tenantId, task.kind === 'present' ? task.projectId : undefined, request);
};

@CommandHandler(CreateTask)
class CreateTaskHandler implements ICommandHandler<CreateTask, Done> {
  constructor(
    private readonly store: AggregateStore,
    @Inject(LIMIT_GUARD) private readonly limits: LimitGuard,
  ) {}

  async execute({ tenantId, creation, context }: CreateTask): Promise<Done> {
    const { projectId, taskId } = creation;
    const surroundings = await surroundingsOf(this.store, tenantId, projectId, creation);
    const decide = (task: Task) => createTask(creation, surroundings, task);
    // A rule's no comes before the plan's. A repeat is asked of the log: the rule may have another answer by now.
    if (!context.mayRepeat) decide(taskFold.initial);
    const { tenant } = surroundings;
    const claim = { tenantId, tenant, commandId: context.commandId };
    await this.limits.requireWritable(tenantId, tenant, projectId);
    const reservation = await this.limits.reserve(claim, { resource: 'tasks', projectId, taskId });
    const stream = taskStream(tenantId, taskId);
    return using(reservation, () =>
      context.mayRepeat
        ? this.store.execute(taskFold, stream, context, decide)
        : this.store.create(taskFold, stream, context, decide),
    );
  }
}

@CommandHandler(ChangeTask)
class ChangeTaskHandler implements ICommandHandler<ChangeTask, Done> {
  constructor(
    private readonly store: AggregateStore,
    @Inject(LIMIT_GUARD) private readonly limits: LimitGuard,
  ) {}

  async execute({ tenantId, change, context, expectedVersion }: ChangeTask): Promise<Done> {
    const surroundings = await surroundingsOfTask(this.store, tenantId, change);
    const decide = (task: Task) => changeTask(change, surroundings, task);
    const { tenant, projectId } = surroundings;
    if (projectId !== undefined) await this.limits.requireWritable(tenantId, tenant, projectId);
    return this.store.execute(taskFold, taskStream(tenantId, change.taskId), context, decide, expectedVersion);
  }
}

@CommandHandler(DeleteTask)
class DeleteTaskHandler implements ICommandHandler<DeleteTask, Done> {
  constructor(private readonly store: AggregateStore) {}

  async execute({ tenantId, request, context, expectedVersion }: DeleteTask): Promise<Done> {
    const surroundings = await surroundingsOfTask(this.store, tenantId, request);
    const decide = (task: Task) => deleteTask(surroundings, task);
    return this.store.execute(taskFold, taskStream(tenantId, request.taskId), context, decide, expectedVersion);
  }
}

@CommandHandler(UnassignTask)
export class UnassignTaskHandler implements ICommandHandler<UnassignTask, Done> {
  constructor(private readonly store: AggregateStore) {}

  execute({ tenantId, unassignment: { taskId, assignedAt }, context }: UnassignTask): Promise<Done> {
    const decide = (task: Task) => unassignTask(assignedAt, task);
    return this.store.execute(taskFold, taskStream(tenantId, taskId), context, decide);
  }
}

export const taskHandlers = [CreateTaskHandler, ChangeTaskHandler, DeleteTaskHandler];
